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

// assured tells whether the asker's assurance proves the level, recently enough.
func (a *asking) assured(p proof) bool {
	if a.in.Assurance.Level < p.level {
		return false
	}
	return p.maxAge == anyAge || a.now.Sub(a.in.Assurance.AuthTime) <= p.maxAge
}

// demand is what the failing p4 rows ask for together: the highest level and
// the shortest age.
type demand struct {
	rule   ruleID // the first failing row; noRule while nothing is asked
	stepUp model.StepUp
}

// add joins the demand of one failing row.
func (d *demand) add(p proof) {
	d.stepUp.ACR = max(d.stepUp.ACR, p.level)
	if p.maxAge == anyAge {
		return
	}
	// An answer of 0 means any age, so "this very moment" is said as the
	// shortest age there is.
	maxAge := max(p.maxAge, time.Second)
	if d.stepUp.MaxAge == 0 || maxAge < d.stepUp.MaxAge {
		d.stepUp.MaxAge = maxAge
	}
}

// required is the level that tenants and roles ask for that ask for a second
// factor.
const required = 2

// demandsMore tells whether a session that proves so much is no longer enough for
// its person, such as after a role that asks for a second factor was assigned.
// Without a token there is no session to be too little.
func (s *Snapshot) demandsMore(subject model.Entity, a model.Assurance, now time.Time) bool {
	if a.Level == 0 || a.Level >= required {
		return false
	}
	return s.tenant.MFA != model.MFAByRole || s.RequiresMFA(subject.Type+":"+subject.ID, now)
}

// denial is the decision where a question is denied for the sake of the token it
// came with.
func (s *Snapshot) denial(code model.Code) model.Decision {
	d := model.Decision{Code: code, Revision: s.tenant.Revision, PolicyHash: s.PolicyHash()}
	if code == model.ReasonStepUp {
		d.StepUp = &model.StepUp{ACR: required}
	}
	return d
}
