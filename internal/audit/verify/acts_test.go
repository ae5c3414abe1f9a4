package verify_test

import (
	"strings"
	"testing"
	"time"

	"rolegate/internal/audit"
	"rolegate/internal/audit/verify"
	"rolegate/internal/testkit/logkit"
	"rolegate/model"
)

func live(t *testing.T, k *logkit.Kit) verify.Report {
	t.Helper()
	return liveWith(t, k, verify.Options{})
}

func liveWith(t *testing.T, k *logkit.Kit, o verify.Options) verify.Report {
	t.Helper()
	k.Checkpoint()
	source, err := verify.Live(k.Ctx, k.Store)
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.Run(k.Ctx, source, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found tells whether a fault says so.
func found(r verify.Report, what string) bool {
	for _, f := range r.Faults {
		if strings.Contains(f.What, what) {
			return true
		}
	}
	return false
}

// month is that of the entries of a kit, as an epoch.
func month(k *logkit.Kit) string { return "decision/" + time.Now().UTC().Format("2006-01") }

// An erasure has to be as it ought to be in every point; each case breaks one. ""
// is nothing wrong.
func TestErasures(t *testing.T) {
	type erasure struct {
		k       *logkit.Kit
		ref     []byte
		s       audit.Scope
		request int64
	}
	approve := func(k *logkit.Kit, who string, a audit.Act, e audit.Entry) {
		a.Kind, a.By = audit.EraseApproved, k.Ref("acme", "user:"+who)
		e.Tenant, e.Class, e.Activity, e.Outcome, e.Caller, e.Act = "acme", audit.ClassAdmin, "audit_act", audit.OutcomeOK, logkit.User("acme", who), &a
		k.Append(e)
	}
	admin := audit.Entry{Roles: []string{model.AuditAdmin}, Level: 2, Age: 30}
	lift := func(k *logkit.Kit, set int64, roles []string, level int, age int64) {
		k.Append(audit.Entry{Tenant: "acme", Class: audit.ClassAdmin, Activity: "audit_act", Outcome: audit.OutcomeOK, Roles: roles, Level: level, Age: age,
			Caller: logkit.User("acme", "bob"), Act: &audit.Act{Kind: audit.HoldLifted, Request: &set, By: k.Ref("acme", "user:bob")}})
	}
	for name, c := range map[string]struct {
		do   func(e erasure)
		want string
	}{
		"proper": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, ""},
		"in two parts": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, ""},
		"no act":      {func(erasure) {}, "no act has destroyed it"},
		"no approval": {func(e erasure) { e.k.Execute(e.request, e.s, e.s) }, "nobody has approved"},
		"approved after it": {func(e erasure) {
			e.k.Execute(e.request, e.s, e.s)
			e.k.Approve("bob", e.request, e.s)
		}, "nobody has approved"},
		"refused after approval": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Act("acme", "bob", audit.Act{Kind: audit.EraseRefused, Request: &e.request}, model.AuditAdmin)
			e.k.Execute(e.request, e.s, e.s)
		}, "was refused"},
		"by whoever asked": {func(e erasure) {
			e.k.Approve("ann", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, "by whoever asked for it"},
		"by no audit-admin": {func(e erasure) {
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest()}, audit.Entry{Roles: []string{"system-admin"}, Level: 2, Age: 30})
			e.k.Execute(e.request, e.s, e.s)
		}, "not by an audit-admin"},
		"by no person": {func(e erasure) {
			a := audit.Act{Kind: audit.EraseApproved, Request: &e.request, Digest: e.s.Digest(), By: e.k.Ref("acme", "user:bob")}
			host := admin
			host.Tenant, host.Class, host.Activity, host.Outcome, host.Person, host.Act = "acme", audit.ClassAdmin, "audit_act", audit.OutcomeOK, "user:bob", &a
			host.Caller = model.Caller{Kind: model.CallerOperator, ID: "root"}
			e.k.Append(host)
			e.k.Execute(e.request, e.s, e.s)
		}, "not by a person who has logged in"},
		"by an approval that was refused": {func(e erasure) {
			a := audit.Act{Kind: audit.EraseApproved, Request: &e.request, Digest: e.s.Digest(), By: e.k.Ref("acme", "user:bob")}
			failed := admin
			failed.Tenant, failed.Class, failed.Activity, failed.Outcome, failed.Caller, failed.Act = "acme", audit.ClassAdmin, "audit_act", audit.OutcomeDeny, logkit.User("acme", "bob"), &a
			e.k.Append(failed)
			e.k.Execute(e.request, e.s, e.s)
		}, "nobody has approved"},
		"by whoever asked, whose pseudonym was destroyed since": {func(e erasure) {
			self := audit.Scope{Refs: [][]byte{e.k.Ref("acme", "user:ann")}}
			first := e.k.Request("carl", self)
			e.k.Approve("bob", first, self)
			e.k.Execute(first, self, self)
			e.k.Destroy(self.Refs[0])
			e.k.Approve("carl", e.request, e.s) // who may be ann
			e.k.Execute(e.request, e.s, e.s)
		}, "may be by the same person"},
		"against a hold of another tenant": {func(e erasure) {
			hold := audit.Scope{Refs: e.s.Refs}
			e.k.Act("globex", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, ""},
		"with an old code": {func(e erasure) {
			old := admin
			old.Age = 301
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest()}, old)
			e.k.Execute(e.request, e.s, e.s)
		}, "second factor"},
		"by who is not said when they proved a code": {func(e erasure) {
			unsaid := admin
			unsaid.Age = 0
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest()}, unsaid)
			e.k.Execute(e.request, e.s, e.s)
		}, "second factor"},
		"with a code of five minutes ago": {func(e erasure) {
			limit := admin
			limit.Age = 300
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest()}, limit)
			e.k.Execute(e.request, e.s, e.s)
		}, ""},
		"with a password alone": {func(e erasure) {
			low := admin
			low.Level = 1
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest()}, low)
			e.k.Execute(e.request, e.s, e.s)
		}, "second factor"},
		"under another's pseudonym": {func(e erasure) {
			a := audit.Act{Kind: audit.EraseApproved, Request: &e.request, Digest: e.s.Digest(), By: e.k.Ref("acme", "user:carl")}
			entry := admin
			entry.Tenant, entry.Class, entry.Activity, entry.Outcome, entry.Caller, entry.Act = "acme", audit.ClassAdmin, "audit_act", audit.OutcomeOK, logkit.User("acme", "ann"), &a
			e.k.Append(entry)
			e.k.Execute(e.request, e.s, e.s)
		}, "not known by whom"},
		"approved in another tenant": {func(e erasure) {
			e.k.Act("globex", "bob", audit.Act{Kind: audit.EraseApproved, Request: &e.request, Digest: e.s.Digest()}, model.AuditAdmin)
			e.k.Execute(e.request, e.s, e.s)
		}, "of another tenant"},
		"approved for another scope": {func(e erasure) {
			other := audit.Scope{Refs: [][]byte{e.k.Ref("acme", "customer:c9")}}
			e.k.Approve("bob", e.request, other)
			e.k.Execute(e.request, e.s, e.s)
		}, "of another scope"},
		"of another scope than asked for": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			other := audit.Scope{Refs: [][]byte{e.ref, e.k.Ref("acme", "customer:c9")}}
			e.k.Execute(e.request, other, other)
		}, "of another scope than the request"},
		"wider": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, audit.Scope{Refs: e.s.Refs, Epochs: []audit.Epoch{{Tenant: logkit.Acme, Epoch: month(e.k)}}})
		}, "wider than what was approved"},
		"wider by one entry": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, audit.Scope{Refs: e.s.Refs, Segments: []audit.Segment{{Index: 1, Place: 0}}})
		}, "wider than what was approved"},
		"of entries to come": {func(e erasure) {
			later := audit.Scope{Segments: []audit.Segment{{Index: 5000, Place: 0}}}
			request := e.k.Request("ann", later)
			e.k.Approve("bob", request, later)
			e.k.Execute(request, later, later)
		}, "names entries that were not there yet"},
		"without a scope": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Act("acme", "bob", audit.Act{Kind: audit.EraseExecuted, Request: &e.request, Digest: e.s.Digest()})
		}, "does not say what was destroyed"},
		"before its time": {func(e erasure) {
			floor := time.Now().Add(time.Hour).UnixMicro()
			approve(e.k, "bob", audit.Act{Request: &e.request, Digest: e.s.Digest(), Floor: floor}, admin)
			e.k.Execute(e.request, e.s, e.s)
		}, "not to be before"},
		"against a hold": {func(e erasure) {
			hold := audit.Scope{Epochs: []audit.Epoch{{Tenant: logkit.Acme, Epoch: month(e.k)}}}
			e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, "must not, for the hold"},
		"after a hold": {func(e erasure) {
			hold := audit.Scope{Refs: e.s.Refs}
			set := e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldLifted, Request: &set, Digest: hold.Digest()}, model.AuditAdmin)
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, ""},
		"after a hold lifted by who is not said when they proved a code": {func(e erasure) {
			hold := audit.Scope{Refs: e.s.Refs}
			set := e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			lift(e.k, set, admin.Roles, 2, 0)
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, "must not, for the hold"},
		"after a hold lifted with an old code": {func(e erasure) {
			hold := audit.Scope{Refs: e.s.Refs}
			set := e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			lift(e.k, set, admin.Roles, 2, 301)
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, "must not, for the hold"},
		"after a hold that nobody could lift": {func(e erasure) {
			hold := audit.Scope{Refs: e.s.Refs}
			set := e.k.Act("acme", "bob", audit.Act{Kind: audit.HoldSet, Digest: hold.Digest(), Scope: &hold}, model.AuditAdmin)
			e.k.Act("acme", "ann", audit.Act{Kind: audit.HoldLifted, Request: &set, Digest: hold.Digest()}, "sales")
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
		}, "must not, for the hold"},
		"and sealed anew under the pseudonym": {func(e erasure) {
			e.k.Approve("bob", e.request, e.s)
			e.k.Execute(e.request, e.s, e.s)
			e.k.Destroy(e.ref)
			e.k.Fill(10)
		}, "REVIVED"},
	} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			for _, who := range []string{"user:ann", "user:bob", "user:carl", "customer:c9"} {
				k.Ref("acme", who)
			}
			k.Fill(30)
			e := erasure{k: k, ref: k.Ref("acme", "customer:c3")}
			e.s = audit.Scope{Refs: [][]byte{e.ref}}
			e.request = k.Request("ann", e.s)
			c.do(e)
			k.Exec(`DELETE FROM audit_sealed WHERE ref = ? AND idx < 40`, e.ref)
			r := live(t, k)
			if c.want == "" && (r.Status != verify.Unanchored || len(r.Shredded) == 0) || c.want != "" && (r.Status != verify.Tamper || !found(r, c.want)) {
				t.Errorf("status %d, want %q: %+v", r.Status, c.want, r.Faults)
			}
		})
	}
}

// Whatever an act says of itself, the auditor may know of a law by which what is
// sealed is kept for longer.
func TestFloor(t *testing.T) {
	const days = 24 * time.Hour
	for name, c := range map[string]struct {
		after time.Duration
		want  verify.Status
	}{"too early": {183 * days, verify.Tamper}, "late enough": {185 * days, verify.Unanchored}} {
		k := logkit.SQLite(t)
		k.Fill(10)
		k.Advance(c.after)
		k.Erase("customer:c3")
		o := verify.Options{Floor: 184 * days}
		k.Exec(`DELETE FROM audit_sealed WHERE idx < 10 AND ref = ?`, k.Ref("acme", "customer:c3"))
		r := liveWith(t, k, o)
		// The entry by which the kit learns of the pseudonym was sealed just now.
		const just = "it is kept for 184 days, and was 0 days old"
		early := found(r, "it is kept for 184 days, and was 183 days old")
		if !found(r, just) || early != (c.want == verify.Tamper) {
			t.Errorf("%s: %+v", name, r.Faults)
		}
		k.Fill(1)
		if r := liveWith(t, k, verify.Options{}); r.Status != verify.Unanchored || len(r.Shredded) != 1 || r.Shredded[0].Days != 0 {
			t.Errorf("%s, by the acts alone: %+v, %+v", name, r.Faults, r.Shredded)
		}
	}
}

// What the log says it has not kept is told with what it has.
func TestLostAndCounted(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(1)
	entry := audit.Entry{Class: audit.ClassSystem, Outcome: audit.OutcomeError, Caller: model.Caller{Kind: model.CallerSystem}}
	for _, n := range []int64{12, -1, 3} {
		gap := entry
		gap.Activity, gap.Count = audit.Gap, n
		k.Append(gap)
	}
	flood := entry
	flood.Activity, flood.Outcome, flood.Count, flood.Since = audit.Evaluated, audit.OutcomeDeny, 9000, time.Now()
	k.Append(flood)
	late := flood // by a buffer that could not write for a while
	late.Count, late.Outcome = 0, audit.OutcomeAllow
	k.Append(late)
	late.Activity, late.Count = audit.ShownPermissions, 7
	k.Append(late)
	late.Activity, late.Outcome = audit.Explained, audit.OutcomeDeny // to who could not, with those who could
	k.Append(late)
	r := live(t, k)
	if want := (verify.Counted{Entries: 3, Count: 15, Unknown: 1}); r.Lost != want {
		t.Errorf("lost: %+v, want %+v", r.Lost, want)
	}
	if want := (verify.Counted{Entries: 1, Count: 9000}); r.Denials != want {
		t.Errorf("denials: %+v, want %+v", r.Denials, want)
	}
}

// Months expire under a standing policy that two people made.
func TestRetention(t *testing.T) {
	policy := func(k *logkit.Kit, approver string, days int) int64 {
		s := audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: days}}
		i := k.Act("acme", "ann", audit.Act{Kind: audit.RetentionRequested, Digest: s.Digest(), Scope: &s})
		k.Act("acme", approver, audit.Act{Kind: audit.RetentionApproved, Request: &i, Digest: s.Digest()}, model.AuditAdmin)
		return i
	}
	execute := func(k *logkit.Kit, request int64, days int, tenant []byte, epoch string) {
		p := audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: days}}
		s := audit.Scope{Epochs: []audit.Epoch{{Tenant: tenant, Epoch: epoch}}}
		k.Append(audit.Entry{Tenant: "acme", Class: audit.ClassSystem, Activity: "audit_act", Outcome: audit.OutcomeOK,
			Caller: model.Caller{Kind: model.CallerSystem}, Act: &audit.Act{Kind: audit.RetentionExecuted, Request: &request, Digest: p.Digest(), Scope: &s}})
		for i := range int64(30) { // what the month's key sealed
			if l, err := audit.Decode(k.Leaf(i)); err == nil && string(l.Tenant) == string(tenant) && l.Class == audit.ClassDecision {
				k.Exec(`DELETE FROM audit_sealed WHERE idx = ?`, i)
			}
		}
	}
	const days = 200
	for name, c := range map[string]struct {
		do   func(k *logkit.Kit, epoch string)
		want string
	}{
		"proper": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "bob", days)
			k.Advance(240 * 24 * time.Hour)
			execute(k, i, days, logkit.Acme, epoch)
		}, ""},
		"too early": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "bob", days)
			k.Advance(190 * 24 * time.Hour)
			execute(k, i, days, logkit.Acme, epoch)
		}, "had not expired"},
		"after more days than time has": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "bob", 1<<62) // 2^62 days are a multiple of 2^64 seconds
			k.Advance(70 * 24 * time.Hour)
			execute(k, i, 1<<62, logkit.Acme, epoch)
		}, "had not expired"},
		"approved by whoever asked": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "ann", days)
			k.Advance(240 * 24 * time.Hour)
			execute(k, i, days, logkit.Acme, epoch)
		}, "by whoever asked for it"},
		"replaced": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "bob", days)
			policy(k, "bob", 1000)
			k.Advance(240 * 24 * time.Hour)
			execute(k, i, days, logkit.Acme, epoch)
		}, "had been replaced"},
		"of another tenant": {func(k *logkit.Kit, epoch string) {
			i := policy(k, "bob", days)
			k.Advance(240 * 24 * time.Hour)
			execute(k, i, days, logkit.Globex, epoch)
		}, "another tenant"},
		"of another class": {func(k *logkit.Kit, _ string) {
			i := policy(k, "bob", days)
			k.Advance(240 * 24 * time.Hour)
			execute(k, i, days, logkit.Acme, "login/2020-01")
		}, "says nothing of login/2020-01"},
	} {
		t.Run(name, func(t *testing.T) {
			k := logkit.SQLite(t)
			k.Fill(30)
			c.do(k, month(k))
			r := live(t, k)
			if c.want == "" && (r.Status != verify.Unanchored || len(r.Shredded) != 1) || c.want != "" && (r.Status != verify.Tamper || !found(r, c.want)) {
				t.Errorf("status %d, want %q: %+v", r.Status, c.want, r.Faults)
			}
		})
	}
}

// Times may run back a little, since replicas have clocks of their own.
func TestTimes(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(3)
	k.Advance(-time.Minute)
	k.Fill(3)
	if r := live(t, k); r.Status != verify.Unanchored {
		t.Errorf("a minute back: %+v", r.Faults)
	}
	k.Advance(-2 * time.Minute)
	k.Fill(1)
	if r := live(t, k); r.Status != verify.Tamper || !found(r, "older than entry") {
		t.Errorf("three minutes back: %+v", r.Faults)
	}
}

// A clock that was years ahead for a moment is one finding, and not one of each
// entry for years: people must be able to answer for it, and for nothing else.
func TestClockThatJumped(t *testing.T) {
	k := logkit.SQLite(t)
	k.Fill(3)
	k.Advance(4 * 365 * 24 * time.Hour)
	k.Fill(1)
	k.Advance(-4 * 365 * 24 * time.Hour)
	k.Fill(3)
	r := live(t, k)
	if len(r.Faults) != 1 || !found(r, "older than entry") {
		t.Fatalf("%+v", r.Faults)
	}
	k.Fill(3)
	if later := live(t, k); len(later.Faults) != 1 || later.Faults[0].What != r.Faults[0].What {
		t.Errorf("and later: %+v", later.Faults)
	}
	k.Advance(-3 * time.Minute)
	k.Fill(1)
	if r := live(t, k); len(r.Faults) != 2 {
		t.Errorf("set back again: %+v", r.Faults)
	}
}
