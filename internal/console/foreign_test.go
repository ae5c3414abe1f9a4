package console_test

import (
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/i18n"
	"rolegate/internal/testkit"
)

// TestForeignForms sends every form from elsewhere with everybody's cookies: from
// another site, another host of ours, a frame that hides where it is from, and an
// origin that may call the API. None is heard, and the page says what to do.
func TestForeignForms(t *testing.T) {
	const crm = "https://crm.example.com"
	w := newTown(t, testkit.New(t, "ROLEGATE_CORS_ORIGINS="+crm))
	all, _ := routes(t)
	said := i18n.Sentence(i18n.English, i18n.ForeignForm, nil)
	for _, who := range everybody {
		v := w.visitor(who)
		for _, r := range all {
			if r.method != http.MethodPost {
				continue
			}
			for _, from := range []map[string]string{
				{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "", "Origin": "null"},
				{"Sec-Fetch-Site": "", "Origin": crm}, {"Sec-Fetch-Site": "cross-site", "Origin": crm},
			} {
				v.Page, v.Header = nil, from
				v.Post(parameter.ReplaceAllString(r.pattern, "404"))
				if v.Page.Status != http.StatusForbidden || !strings.Contains(v.Page.Text("main"), said) {
					t.Errorf("%s from %v, %q: %d %s", r.pattern, from, who, v.Page.Status, v.Page.Text("main"))
				}
			}
		}
		v.Header = nil
		if home := v.Get("/account"); who != "" && home.Status != http.StatusOK {
			t.Errorf("%q was logged out from elsewhere: %d", who, home.Status)
		}
	}
}
