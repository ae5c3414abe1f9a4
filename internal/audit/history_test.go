package audit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rolegate/internal/reqctx"
	"rolegate/internal/store"
	"rolegate/model"
)

// A step of a login is a line of its person's history, whoever records it.
func TestEventOfAnEntry(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 34, 56, 0, time.UTC)
	req := &reqctx.Request{Address: "192.0.2.77", UserAgent: "Firefox\x00\xff"}
	line := func(user string, a Activity, o Outcome, code model.Code) *store.Event {
		return &store.Event{Tenant: "t", User: user, At: at, Activity: string(a), Outcome: string(o), Code: string(code),
			Network: "192.0.2.0/24", Agent: "Firefox", Times: 1}
	}
	for name, c := range map[string]struct {
		entry Entry
		want  *store.Event
	}{
		"a login": {Entry{Tenant: "t", Class: ClassLogin, Activity: LoginSucceeded, Outcome: OutcomeOK, Person: "user:ann"},
			line("ann", LoginSucceeded, OutcomeOK, "")},
		"a logout": {Entry{Tenant: "t", Class: ClassLogin, Activity: LoggedOut, Outcome: OutcomeOK, Caller: model.Caller{Kind: model.CallerUser, ID: "ann"}},
			line("ann", LoggedOut, OutcomeOK, "")},
		"any step": {Entry{Tenant: "t", Class: ClassLogin, Activity: "made_up", Outcome: OutcomeDeny, Code: "no", Person: "user:ann"},
			line("ann", "made_up", OutcomeDeny, "no")},
		"nobody's password": {Entry{Tenant: "t", Class: ClassLogin, Activity: PasswordFailed, Outcome: OutcomeDeny, Code: "no"},
			line("", PasswordFailed, OutcomeDeny, "no")},
		"nobody's step":     {Entry{Tenant: "t", Class: ClassLogin, Activity: OTPFailed, Outcome: OutcomeDeny}, nil},
		"a refresh":         {Entry{Tenant: "t", Class: ClassLogin, Activity: TokenRefreshed, Outcome: OutcomeOK, Person: "user:ann"}, nil},
		"another class":     {Entry{Tenant: "t", Class: ClassAdmin, Activity: UserDisabled, Outcome: OutcomeOK, Person: "user:ann"}, nil},
		"about no user":     {Entry{Tenant: "t", Class: ClassLogin, Activity: LoginSucceeded, Outcome: OutcomeOK, Person: "service:ann"}, nil},
		"a client's caller": {Entry{Tenant: "t", Class: ClassLogin, Activity: "made_up", Outcome: OutcomeOK, Caller: model.Caller{Kind: model.CallerClient, ID: "ann"}}, nil},
	} {
		if diff := cmp.Diff(c.want, c.entry.event(req, at), cmpopts.IgnoreFields(store.Event{}, "ID")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Refusals of one kind in one hour are one line; successes are lines of their own.
func TestRefusalsAreCountedByTheHour(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	id := func(a Activity, o Outcome, code model.Code, at time.Time) string {
		e := Entry{Tenant: "t", Class: ClassLogin, Activity: a, Outcome: o, Code: code, Person: "user:ann"}
		return e.event(&reqctx.Request{}, at).ID
	}
	first := id(PasswordFailed, OutcomeDeny, "no", at)
	for what, c := range map[string]struct {
		id   string
		same bool
	}{
		"later in the hour": {id(PasswordFailed, OutcomeDeny, "no", at.Add(59*time.Minute)), true},
		"the next hour":     {id(PasswordFailed, OutcomeDeny, "no", at.Add(time.Hour)), false},
		"another activity":  {id(OTPFailed, OutcomeDeny, "no", at), false},
		"another reason":    {id(PasswordFailed, OutcomeDeny, "why", at), false},
	} {
		if (c.id == first) != c.same {
			t.Errorf("%s: one line: %v", what, !c.same)
		}
	}
	one, two := id(LoginSucceeded, OutcomeOK, "", at), id(LoginSucceeded, OutcomeOK, "", at)
	if one == two {
		t.Error("two logins are one line")
	}
}
