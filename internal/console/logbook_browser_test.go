package console_test

import (
	"testing"

	"rolegate/internal/testkit"
	"rolegate/internal/testkit/browser"
	"rolegate/model"
)

// TestDenialExplainedInChromium goes from a denial in the log to its reasons, asks again
// with what the CRM had said, by suggestions and fields, and is told another answer.
func TestDenialExplainedInChromium(t *testing.T) {
	k := testkit.New(t)
	eve := officer(t, k, "eve", model.AuditAdmin)
	k.MustEnrol("ann", "sales-rep")
	k.Evaluate(k.ClientToken("crm"), "ann", "read", "contact", map[string]any{"owner": "bob"})
	for _, c := range []struct{ language, denied, allowed string }{{"en", "Denied", "Allowed"}, {"zh-CN", "拒绝", "允许"}} {
		k.Login(eve)
		b := browser.Open(t, k).Language(c.language).LogIn(eve)
		b.Go("/console/log?class=decision&outcome=deny&client=crm")
		b.Loading("the entry", func() { b.Click("tbody th a") })
		b.Check("denial-" + c.language)
		b.Loading("the reasons", func() { b.Click(".reasons a") })
		b.WaitText("#answer", c.denied).Check("denial-explained-" + c.language)

		b.Fill("#subject", "an").Until("ann is suggested", func() bool { return b.Has(`#subjects option[value="user:ann"]`) })
		b.Click("form.ask details > summary").Put("#object", "contact").Wait(`[id="field.owner"]`)
		b.Put("#subject", "user:ann").Fill(`[id="field.owner"]`, "ann").Submit("form.ask > button")
		b.WaitText("#answer", c.allowed)
		if got := b.Value(`[id="field.owner"]`); got != "ann" {
			t.Errorf("%s: the attribute is lost: %q", c.language, got)
		}
		b.Go("/console/log/charts").Check("charts-" + c.language)
	}
}
