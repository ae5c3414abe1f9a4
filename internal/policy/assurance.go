package policy

import (
	"strconv"
	"time"

	"rolegate/model"
)

// parseACR reads the acr column of a p4 row.
func parseACR(s string) (level int, ok bool) {
	switch s {
	case "1", "2", "3":
		return int(s[0] - '0'), true
	}
	return 0, false
}

// parseMaxAge reads the max_age column of a p4 row: empty means any age.
// Seconds have one spelling, and few enough digits never to overflow a Duration.
func parseMaxAge(s string) (maxAge time.Duration, limited, ok bool) {
	if s == "" {
		return 0, false, true
	}
	seconds, err := strconv.ParseUint(s, 10, 31)
	if err != nil || strconv.FormatUint(seconds, 10) != s {
		return 0, false, false
	}
	return time.Duration(seconds) * time.Second, true, true
}

// assured tells whether the facts prove the level, recently enough. What cannot
// be read is not proven.
func assured(f *Facts, acr, maxAge string) bool {
	level, ok := parseACR(acr)
	if !ok || f.assurance.Level < level {
		return false
	}
	limit, limited, ok := parseMaxAge(maxAge)
	if !ok {
		return false
	}
	return !limited || f.now.Sub(f.assurance.AuthTime) <= limit
}

// demand is what the failing p4 rows ask for together: the highest level and
// the shortest age.
type demand struct {
	rule   *Row // the first failing row; nil while nothing is asked
	stepUp model.StepUp
}

// add joins the demand of one failing row.
func (d *demand) add(r *Row) {
	if d.rule == nil {
		d.rule = r
	}
	level, _ := parseACR(r.Row[colACR])
	d.stepUp.ACR = max(d.stepUp.ACR, level)
	maxAge, limited, _ := parseMaxAge(r.Row[colMaxAge])
	if !limited {
		return
	}
	// An answer of 0 means any age, so "this very moment" is said as the
	// shortest age there is.
	maxAge = max(maxAge, time.Second)
	if d.stepUp.MaxAge == 0 || maxAge < d.stepUp.MaxAge {
		d.stepUp.MaxAge = maxAge
	}
}
