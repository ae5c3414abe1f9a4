package condition

import (
	"testing"
	"time"
)

func TestInCIDR(t *testing.T) {
	c := mustCompile(t, `inCIDR(request.ip, ['10.0.0.0/8', '2001:db8::/32', 'fe80::/10'])`, nil)
	for ip, want := range map[string]Truth{
		"10.255.0.1":         True,
		"11.0.0.1":           False,
		"::ffff:10.1.2.3":    True, // how a dual-stack socket spells it
		"2001:db8::1":        True,
		"2001:db9::1":        False,
		"fe80::1":            True,
		"fe80::1%eth0":       Unknown,
		"10.1.2":             Unknown,
		"010.1.2.3":          Unknown, // octal to some
		"10.1.2.3:80":        Unknown,
		"10.1.2.3, 10.1.2.4": Unknown,
		"":                   Unknown,
	} {
		if got := c.Eval(&Facts{IP: ip}); got != want {
			t.Errorf("%q is %v, want %v", ip, got, want)
		}
	}
}

// TestFixedZone compiles where the clock happens to be as far off as the zone
// asked for, in winter.
func TestFixedZone(t *testing.T) {
	machine, err := time.LoadLocation("EST5EDT")
	if err != nil {
		t.Fatal(err)
	}
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = machine

	c := mustCompile(t, `request.time.getHours('-05:00') == 7`, nil)
	for _, month := range []time.Month{time.January, time.July} {
		if got := c.Eval(&Facts{Time: time.Date(2026, month, 1, 12, 0, 0, 0, time.UTC)}); got != True {
			t.Errorf("in %v it is %v that noon is seven there", month, got)
		}
	}
}

// TestSummerTime asks a zone on both sides of a change.
func TestSummerTime(t *testing.T) {
	winter := mustCompile(t, `request.time.getHours('Europe/Berlin') == 1`, nil)
	summer := mustCompile(t, `request.time.getHours('Europe/Berlin') == 3`, nil)
	before := &Facts{Time: time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC)}
	after := &Facts{Time: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)}
	if winter.Eval(before) != True || summer.Eval(after) != True {
		t.Errorf("before: %v, after: %v, want true", winter.Eval(before), summer.Eval(after))
	}
}
