package console_test

import (
	"net/http"
	"strings"
	"testing"

	"rolegate/internal/i18n"
	"rolegate/internal/testkit"
)

// TestOldBrowsers sends forms from Safari before 16.4, which has no Sec-Fetch-Site: the
// pages have it say where they are from, and an invitation's say no more than that.
func TestOldBrowsers(t *testing.T) {
	k := testkit.New(t)
	var told []string
	k.Saw = func(r *http.Request, _ testkit.Answer) {
		told = append(told, r.Header.Get("Referer"), r.Header.Get("Origin"))
	}
	v := k.Visitor(t)
	v.Header = map[string]string{"Sec-Fetch-Site": ""}
	invite := k.Invite("ann")
	v.Get("/invite/" + invite)
	v.Submit(".languages", "language", "zh-CN").Want(t, 200, "/invite/"+invite)
	v.Submit("form[action='/invite']", "password", testkit.Password).Want(t, 200, "/invite")
	v.Get("/login")
	v.Submit("form[action='/login']", "username", "ann", "password", testkit.Password).Want(t, 200, "/login")
	if all := strings.Join(told, "\n"); strings.Contains(all, "/invite") || strings.Contains(all, invite) || !strings.Contains(all, k.URL) {
		t.Errorf("browsers tell %s", all)
	}
}

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
