package review_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

func under(t failer, v *policy.View, text string) *policy.View {
	t.Helper()
	after, err := v.Under(mustDocument(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestSimulateTheRoster(t *testing.T) {
	before := view(t, crmPolicy)
	after := under(t, before, strings.Replace(crmPolicy, "deal, update, team, , allow", "deal, update, own, , allow", 1)+
		"p, role:rep, deal, publish, all, , allow\np, client:crm, deal, read, all, , allow\np3, role:rep, deal, margin, read, allow\n")
	records := []model.Resource{
		{Type: "deal", ID: "1", Attributes: map[string]any{"owner": "ann", "stage": "open"}},
		{Type: "deal", ID: "2", Attributes: map[string]any{"owner": "bob", "teams": []any{"t1"}, "stage": "open"}},
		{Type: "deal", ID: "3", Attributes: map[string]any{"owner": "bob", "teams": []any{"t1"}, "stage": "won"}},
	}
	got, err := review.Simulate(t.Context(), before, after, review.Roster(before, after, records, 100, policy.Inputs{Now: noon}))
	if err != nil {
		t.Fatal(err)
	}
	want := []model.Shift{
		{Kind: model.ShiftGains, Subject: "user:ann", Action: "publish", Object: "deal", Samples: 2, Records: []string{"*", "1"}, Before: model.ReasonNotGranted, After: model.ReasonStepUp},
		{Kind: model.ShiftGains, Subject: "client:crm", Action: "read", Object: "deal", Samples: 4, Records: []string{"*", "1", "2", "3"}, Before: model.ReasonNotGranted, After: model.ReasonAllowed},
		{Kind: model.ShiftGains, Subject: "user:ann", Action: "read", Object: "deal", Samples: 2, Records: []string{"*", "1"}, Before: model.ReasonAllowed, After: model.ReasonAllowed, Opened: []string{"margin"}},
		{Kind: model.ShiftLoses, Subject: "user:ann", Action: "update", Object: "deal", Samples: 1, Records: []string{"2"}, Before: model.ReasonAllowed, After: model.ReasonNotGranted},
	}
	shifts := slices.DeleteFunc(slices.Clone(got.Shifts), func(s model.Shift) bool { return s.Kind == model.ShiftReason })
	if diff := cmp.Diff(want, shifts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(got.Left) > 0 || got.Compared != 3*(4+1+2+2+1+3*4) {
		t.Errorf("compared %d, left %+v", got.Compared, got.Left)
	}
	// Nothing changes between a document and itself.
	if got, err := review.Simulate(t.Context(), before, before, review.Roster(before, before, records, 100, policy.Inputs{Now: noon})); err != nil || len(got.Shifts) > 0 || got.Same != got.Compared {
		t.Errorf("%+v, %v", got, err)
	}
}

// What becomes of an answer that is a yes under both: of its proof and of its fields.
func TestShiftsOfProofAndFields(t *testing.T) {
	const rows = "p, role:rep, deal, export, all, , allow\np, role:rep, deal, read, all, , allow\n"
	for _, c := range []struct {
		name, before, after string
		kind                model.ShiftKind
		opened, closed      []string
	}{
		{"a proof is asked for", "", "p4, *, deal, export, 2, 300, deny\n", model.ShiftProof, nil, nil},
		{"a newer proof", "p4, *, deal, export, 2, 600, deny\n", "p4, *, deal, export, 2, 300, deny\n", model.ShiftProof, nil, nil},
		{"a field closes", "", "p3, *, deal, stage, read, deny\n", model.ShiftLoses, nil, []string{"stage"}},
		{"a row names a field that one for all had closed", "p3, role:rep, deal, *, read, deny\n", "p3, role:rep, deal, *, read, deny\np3, role:rep, deal, note, read, allow\n", model.ShiftGains, []string{"note"}, nil},
		{"and no row does any more", "p3, role:rep, deal, *, update, deny\np3, role:rep, deal, note, update, allow\n", "p3, role:rep, deal, *, update, deny\n", model.ShiftLoses, nil, []string{"note"}},
		{"it stays closed, by name", "p3, role:rep, deal, *, read, deny\n", "p3, role:rep, deal, *, read, deny\np3, role:rep, deal, note, read, deny\np3, role:rep, deal, stage, read, allow\n", model.ShiftGains, []string{"stage"}, nil},
		{"a field closes and another opens", "p3, *, deal, stage, read, deny\n", "p3, *, deal, owner, read, deny\n", model.ShiftMixed, []string{"stage"}, []string{"owner"}},
	} {
		before := view(t, rows+c.before)
		action := "read"
		if c.kind == model.ShiftProof {
			action = "export"
		}
		each := func(yield func(review.Sample, error) bool) {
			for _, id := range []string{"0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"} {
				q := model.Question{Subject: model.Entity{Type: "user", ID: "ann"}, Action: model.Action{Name: action}, Resource: model.Entity{Type: "deal", ID: id}}
				if !yield(review.Sample{Question: q, Inputs: policy.Inputs{Now: noon}}, nil) {
					return
				}
			}
		}
		got, err := review.Simulate(t.Context(), before, under(t, before, rows+c.after), review.Samples{Each: each})
		if err != nil || len(got.Shifts) != 1 {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		s := got.Shifts[0]
		if s.Kind != c.kind || s.Samples != 13 || !slices.Equal(s.Opened, c.opened) || !slices.Equal(s.Closed, c.closed) {
			t.Errorf("%s: %+v", c.name, s)
		}
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, s.Records); diff != "" {
			t.Errorf("%s: records (-want +got)\n%s", c.name, diff)
		}
	}
}

// Somebody of each set of roles is looked at, however few may be.
func TestRosterLooksAtEverySetOfRoles(t *testing.T) {
	var dir model.Directory
	for i := range 1_000 {
		dir.Subjects = append(dir.Subjects, model.Subject{Type: "user", ID: fmt.Sprintf("u%04d", i)})
	}
	dir.Assignments = []model.Assignment{{Member: "user:u0777", Role: "rep"}, {Member: "user:u0778", Role: "night"}}
	s, err := policy.NewSnapshot(model.Tenant{ID: "t"}, mustDocument(t, crmPolicy), mustCatalog(t, crmCatalog), dir)
	if err != nil {
		t.Fatal(err)
	}
	v := policy.NewView(s)
	samples := review.Roster(v, v, nil, 10, policy.Inputs{Now: noon})
	met := map[string]bool{}
	for s, err := range samples.Each {
		if err != nil {
			t.Fatal(err)
		}
		met[s.Question.Subject.ID] = true
	}
	if len(met) != 10 || !met["u0777"] || !met["u0778"] {
		t.Errorf("looked at %v", met)
	}
	if diff := cmp.Diff([]model.Unseen{{What: model.UnseenSubjects, Of: 1_000, Looked: 10}}, samples.Left); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A simulation ends: with its bound, with its context, with the first sample that
// could not be had. Each time it says so.
func TestSimulationsAreBounded(t *testing.T) {
	v := view(t, crmPolicy)
	after := under(t, v, "p, *, deal, *, all, , allow\n")
	q := model.Question{Subject: model.Entity{Type: "user", ID: "bob"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "deal", ID: "*"}}
	yielded := 0
	endless := review.Samples{Each: func(yield func(review.Sample, error) bool) {
		for yield(review.Sample{Question: q, Inputs: policy.Inputs{Now: noon}}, nil) {
			yielded++
		}
	}}
	got, err := review.Simulate(t.Context(), v, after, endless)
	if err != nil || got.Compared != review.MaxSamples || len(got.Left) != 1 || got.Left[0].What != model.UnseenSamples || len(got.Shifts) != 1 || got.Same != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := review.Simulate(ctx, v, after, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	if _, err := review.Simulate(t.Context(), v, after, review.Samples{Each: func(yield func(review.Sample, error) bool) { yield(review.Sample{}, broken) }}); !errors.Is(err, broken) {
		t.Errorf("broken: %v", err)
	}
	// Shifts are listed up to a bound, and the others counted.
	many := review.Samples{Each: func(yield func(review.Sample, error) bool) {
		for i := range 1_500 {
			q := q
			q.Action.Name = fmt.Sprintf("act%d", i)
			if !yield(review.Sample{Question: q, Inputs: policy.Inputs{Now: noon}}, nil) {
				return
			}
		}
	}}
	wide := under(t, v, everyAct(1_500))
	if got, err = review.Simulate(t.Context(), v, wide, many); err != nil || len(got.Shifts) != review.MaxShifts || got.Unlisted != 500 {
		t.Errorf("%d shifts and %d unlisted, %v", len(got.Shifts), got.Unlisted, err)
	}
}

func everyAct(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p, *, deal, act%d, all, , allow\n", i)
	}
	return b.String()
}

// Where there is too much for one simulation, fewer people and records are looked
// at, and the answer says so.
func TestRosterKeepsToTheBound(t *testing.T) {
	w := workload.CRM.Tenant(0)
	v := workloadView(t, w)
	var records []model.Resource
	for i := range 500 {
		records = append(records, model.Resource{Type: "object000", ID: fmt.Sprint(i)})
	}
	samples := review.Roster(v, v, records, 1_000, policy.Inputs{Now: noon})
	n := 0
	for range samples.Each {
		n++
	}
	if n > review.MaxSamples || n < review.MaxSamples/2-2_000 || len(samples.Left) != 2 {
		t.Errorf("%d samples, left %+v", n, samples.Left)
	}
}

func workloadView(t failer, w *workload.Tenant) *policy.View {
	t.Helper()
	s, err := policy.NewSnapshot(model.Tenant{ID: w.ID}, mustDocument(t, w.Policy), mustCatalog(t, w.Catalog), w.Directory)
	if err != nil {
		t.Fatal(err)
	}
	return policy.NewView(s)
}

func BenchmarkSimulate(b *testing.B) {
	w := workload.CRM.Tenant(0)
	before := workloadView(b, w)
	lines := strings.SplitAfter(w.Policy, "\n")
	after := under(b, before, strings.Join(lines[:len(lines)*9/10], ""))
	compared := 0
	for b.Loop() {
		got, err := review.Simulate(b.Context(), before, after, review.Roster(before, after, nil, 200, policy.Inputs{Now: noon}))
		if err != nil {
			b.Fatal(err)
		}
		compared = got.Compared
	}
	b.ReportMetric(float64(compared), "samples")
}
