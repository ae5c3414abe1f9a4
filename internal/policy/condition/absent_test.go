package condition

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAbsent(t *testing.T) {
	for _, c := range []struct {
		text, record string
		want         []string
	}{
		{`true`, `{}`, nil},
		{`record.stage == 'won'`, `{"stage": "lost"}`, nil},
		{`record.stage == 'won'`, `{}`, []string{"record.stage"}},
		{`record.stage == 'won'`, `{"stage": null}`, []string{"record.stage"}},
		{`record.stage == 'won' && !(record.stage == 'lost')`, `{"stage": 7}`, []string{"record.stage"}},
		{`record.x == 'won' || record.y > 3`, `{"x": 7, "y": "3"}`, []string{"record.x", "record.y"}},
		{`record.a == record.b`, `{"a": 1, "b": "1"}`, []string{"record.a", "record.b"}},
		{`record.region == user.nothing`, `{"region": "EU"}`, []string{"user.nothing"}},
		{`record.region in user.mixed`, `{"region": "EU"}`, []string{"user.mixed"}},
		{`record.region in [user.nothing, 'EU']`, `{"region": "EU"}`, []string{"user.nothing"}},
		{`record.vip && action.bulk`, `{"vip": "yes"}`, []string{"record.vip", "action.bulk"}},
		{`request.context.tier == 'gold'`, `{}`, []string{"request.context.tier"}},
		{`has(record.x)`, `{}`, []string{"record.x"}},
		{`has(record.x)`, `{"x": null}`, nil},
		{"record.`合同 金额` > 3", `{}`, []string{"record.`合同 金额`"}},
		{`record.tags.exists(x, x in user.regions)`, `{"tags": [1]}`, []string{"record.tags"}},
		{`record.name.startsWith('A')`, `{"name": 7}`, []string{"record.name"}},
		{`below(record.unit, user.unit)`, `{}`, []string{"record.unit"}},
		{`inCIDR(request.ip, '10.0.0.0/8')`, `{}`, nil},
	} {
		got := mustCompile(t, c.text, schema).Absent(world(t, c.record))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", c.text, c.record, diff)
		}
	}
	f := world(t, `{}`)
	f.IP, f.HasAuth = "", false
	if got := mustCompile(t, `inCIDR(request.ip, '10.0.0.0/8') || request.auth_age < 60 || 'otp' in request.amr`, schema).Absent(f); !cmp.Equal(got, []string{"request.ip", "request.auth_age", "request.amr"}) {
		t.Errorf("without address and token: %v", got)
	}
}

// TestUnknownNamesWhatIsAbsent: whoever is told that a condition is unknown is
// told why.
func TestUnknownNamesWhatIsAbsent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := condition(t, rapid.IntRange(0, 3).Draw(t, "depth")).text
		c, err := Compile(text, generatedSchema)
		if err != nil {
			t.Skip(err)
		}
		f := drawFacts(t).build()
		if c.Eval(f) == Unknown && len(c.Absent(f)) == 0 {
			t.Fatalf("%s is unknown for nothing", text)
		}
	})
}
