package change_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/administration"
	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

// asks asks as a client whether a user may do something to a contact.
func (f *firm) asks(client, user, action, id string, properties map[string]any) {
	f.T.Helper()
	f.Want(f.Post("/access/v1/evaluation", client, map[string]any{"subject": map[string]any{"type": "user", "id": user}, "action": map[string]any{"name": action},
		"resource": map[string]any{"type": "contact", "id": id, "properties": properties}}), 200)
}

// dropping is a document without the rows that begin so.
func dropping(document string, begins ...string) string {
	var kept []string
	for line := range strings.Lines(document) {
		if !slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(line, b) }) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Requests of the log are asked again under a draft: who would be answered otherwise is
// listed with entries, and what cannot be compared is counted. The reading is an entry,
// and is told those whom it names.
func TestRecordedRequests(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		f := firmOf(k)
		for _, rep := range []string{"ann", "bob", "old"} {
			k.MustEnrol(rep, "sales-rep")
		}
		crm := k.ClientToken("crm")
		for range 3 {
			f.asks(crm, "ann", "create", "*", nil)
		}
		f.asks(crm, "bob", "read", "7", map[string]any{"owner": "bob"})                   // whose it is the log does not say
		f.asks(crm, "bob", "open", "*", nil)                                              // of which the draft says nothing
		f.asks(crm, "nobody", "create", "*", nil)                                         // who is answered the same
		f.asks(crm, "old", "create", "*", nil)                                            // who leaves
		f.Want(f.Post("/access/v1/evaluations", crm, map[string]any{"evaluations": []any{ // one entry
			map[string]any{"subject": map[string]any{"type": "user", "id": "ann"}, "action": map[string]any{"name": "create"}, "resource": map[string]any{"type": "contact", "id": "*"}},
			map[string]any{"subject": map[string]any{"type": "user", "id": "bob"}, "action": map[string]any{"name": "open"}, "resource": map[string]any{"type": "contact", "id": "*"}},
		}}), 200)
		f.Want(f.Post("/access/v1/search/action", crm, map[string]any{"subject": map[string]any{"type": "user", "id": "ann"}, "resource": map[string]any{"type": "contact", "id": "*"}}), 200)
		f.must(f.App.Directory.SetUserDisabled(ctx, testkit.Operator, tenant, "old", true, "left"))
		d := f.draft("sec")
		d = f.saved("sec", d, dropping(d.Document, "p, role:sales-rep, contact, create", "p, role:sales-rep, contact, read"))

		// Whoever may simulate and does not open the log gets nothing of it, not even numbers.
		sec, aud := f.mustOfficer(f.sec, administration.Simulate), f.mustOfficer(f.aud, administration.Simulate)
		f.refused("a security administrator", second(sec.SimulateDraft(ctx, d.ID, true)), model.CodeForbidden)
		f.refused("asking whether they could", sec.OpensLog(ctx), model.CodeForbidden)
		plain, err := aud.SimulateDraft(ctx, d.ID, false)
		if err != nil || plain.Recorded != nil || !slices.Contains(plain.Left, model.Unseen{What: model.UnseenRequests}) {
			t.Errorf("unasked: %+v, %v", plain.Recorded, err)
		}

		var done model.Simulated
		noted := k.Noted("ann", func() {
			done, err = aud.SimulateDraft(ctx, d.ID, true)
			f.must(done, err)
		})
		got := *done.Recorded
		if len(got.Shifts) != 1 || len(got.Shifts[0].Entries) != 4 {
			t.Fatalf("shifts %+v, left %+v", got.Shifts, got.Left)
		}
		entry, sealed, err := f.mustReader(f.aud).LogEntry(ctx, got.Shifts[0].Entries[0])
		if err != nil || entry.Leaf.Op != "create" || len(sealed) == 0 || sealed[0].Content["subject"] != "user:ann" {
			t.Errorf("an entry of it is %+v, %v", entry.Leaf, err)
		}
		got.Shifts[0].Entries = nil
		want := model.Recorded{From: got.Until.AddDate(0, 0, -30), Until: got.Until, Compared: 7, Same: 3, Different: 4,
			Shifts: []model.Shift{{Kind: model.ShiftLoses, Subject: "user:ann", Action: "create", Object: "contact", Samples: 4, Records: []string{}, Before: model.ReasonAllowed, After: model.ReasonNotGranted}},
			Left:   []model.Unseen{{What: model.UnseenOther, Of: 1}, {What: model.UnseenGone, Of: 1}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if len(noted) != 2 || noted[0].Activity != audit.LogSampled || noted[0].Count != 9 || noted[0].Op != administration.Read || noted[0].Object != administration.AuditLog ||
			noted[0].Personal["person"] != "user:ann" || noted[1].Activity != audit.PolicyRead {
			t.Errorf("recorded %+v", noted)
		}
		if told := k.Noted("bob", func() { f.must(aud.SimulateDraft(ctx, d.ID, true)) }); told[0].Personal != nil {
			t.Errorf("bob, who is not named, is told %+v", told[0].Personal)
		}

		k.Advance(login5)
		f.refused("long after a code", second(aud.SimulateDraft(ctx, d.ID, true)), model.CodeStepUp)
		f.must(aud.SimulateDraft(ctx, d.ID, false))
		k.StepUp(f.aud)
		d = f.saved("sec", d, "p, x\n")
		if left := f.activities(func() {
			f.refused("bad rows", second(aud.SimulateDraft(ctx, d.ID, true)), model.CodePolicyInvalid)
		}); len(left) > 0 {
			t.Errorf("recorded %q", left)
		}
		// The office is not enough where the policy does not let it read the log.
		f.must(nil, f.imports(dropping(f.current().Text, "p, role:audit-admin, rolegate.audit")))
		f.refused("without the right", aud.OpensLog(ctx), model.CodeForbidden)
	})
}

// unregistered is a store that, while it is armed, cannot read what is registered.
type unregistered struct {
	store.Store
	armed *atomic.Bool
}

var errAway = errors.New("the database is away")

func (u unregistered) Resources(ctx context.Context, tenant, typ, after string, limit int) ([]model.Resource, error) {
	if u.armed.Load() {
		return nil, errAway
	}
	return u.Store.Resources(ctx, tenant, typ, after, limit)
}

func (u unregistered) Resource(ctx context.Context, tenant, typ, id string) (model.Resource, error) {
	if u.armed.Load() {
		return model.Resource{}, errAway
	}
	return u.Store.Resource(ctx, tenant, typ, id)
}

// Whoever has opened recorded requests leaves an entry of it, also where nothing comes of
// the simulation: what was opened was read.
func TestAFailedSimulationIsRecorded(t *testing.T) {
	var armed atomic.Bool
	dir := t.TempDir()
	k := testkit.Start(t, dir)
	k.MustEnrol("ann", "sales-rep")
	if err := k.App.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := directory.Take(ctx, tx, tenant, store.Change{Kind: store.ChangedDirectory}); err != nil {
			return err
		}
		return tx.PutResource(ctx, tenant, model.Resource{Type: "contact", ID: "7"})
	}); err != nil {
		t.Fatal(err)
	}
	crm := k.ClientToken("crm")
	for range 3 {
		(&firm{Kit: k}).asks(crm, "ann", "read", "7", map[string]any{"owner": "ann"})
	}
	k.Stop() // what is registered is no longer in memory
	k = testkit.StartAltered(t, dir, func(a *app.App) { a.Change.Store = unregistered{a.Change.Store, &armed} })
	f := firmOf(k)
	d := f.draft("sec")
	d = f.saved("sec", d, dropping(d.Document, "p, role:sales-rep, contact, create"))
	aud := f.mustOfficer(f.aud, administration.Simulate)
	armed.Store(true)
	noted := k.Noted("ann", func() {
		if _, err := aud.SimulateDraft(ctx, d.ID, true); !errors.Is(err, errAway) {
			t.Errorf("with the database away: %v", err)
		}
	})
	if len(noted) != 1 || noted[0].Activity != audit.LogSampled || noted[0].Count != 3 || noted[0].Personal != nil {
		t.Errorf("recorded %+v, want one entry of three requests", noted)
	}
	armed.Store(false)
	if got := f.activities(func() { f.must(aud.SimulateDraft(ctx, d.ID, true)) }); !slices.Equal(got, []audit.Activity{audit.LogSampled, audit.PolicyRead}) {
		t.Errorf("a simulation that goes well is recorded as %q", got)
	}
}

// mustReader is a person by the right to read the log.
func (f *firm) mustReader(p *testkit.Person) *administration.Officer {
	f.T.Helper()
	o, err := f.officerOf(p, administration.AuditLog, administration.Read)
	f.must(o, err)
	return o
}

// How much was not looked at is told: of requests how many there were, of records only
// that there are more than were read.
func TestASimulationTellsWhatItLeaves(t *testing.T) {
	for name, people := range map[string]int{"all that were read are looked at": 0, "people leave no room for all": 40} {
		t.Run(name, func(t *testing.T) { leavesOut(firmOf(testkit.New(t)), people) })
	}
}

func leavesOut(f *firm, people int) {
	t := f.T
	f.must(nil, f.App.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := directory.Take(ctx, tx, tenant, store.Change{Kind: store.ChangedDirectory}); err != nil {
			return err
		}
		for i := range people {
			if err := tx.PutSubject(ctx, tenant, model.Subject{Type: "user", ID: strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		for i := range 1_001 {
			if err := tx.PutResource(ctx, tenant, model.Resource{Type: "contact", ID: strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	d := f.added(row)
	done, err := f.Simulate(ctx, tenant, d.ID, func(context.Context) (change.Sampled, error) {
		return change.Sampled{More: true, Of: 10, Counted: 3}, nil
	})
	f.must(done, err)
	if want := (model.Unseen{What: model.UnseenRequests, Of: 10, Looked: 3}); len(done.Recorded.Left) == 0 || done.Recorded.Left[0] != want {
		t.Errorf("of requests is left %+v", done.Recorded.Left)
	}
	records := slices.DeleteFunc(slices.Clone(done.Left), func(u model.Unseen) bool { return u.What != model.UnseenRecords })
	if len(records) != 1 || records[0].Of != 0 || records[0].Looked == 0 || people == 0 != (records[0].Looked == 1_000) {
		t.Errorf("beside %d people, of records is left %+v", people, records)
	}
}
