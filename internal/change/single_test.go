package change_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/change"
	"rolegate/internal/testkit"
	"rolegate/model"
)

const single = "ROLEGATE_FOUR_EYES=single"

// One person alone publishes a day after having said so, and everybody with an office
// is told of both; the start says that it is so.
func TestSingle(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ...string) *testkit.Kit{"sqlite": testkit.New, "postgres": testkit.NewPostgres} {
		t.Run(name, func(t *testing.T) {
			k := start(t, single)
			f := firmOf(k)
			if n := startsOf(f); n != 1 {
				t.Errorf("%d entries say that one person is enough", n)
			}
			alone := func(what string, do func()) {
				t.Helper()
				var told []audit.Leaf
				for _, l := range f.Recorded(do) {
					if l.Activity == audit.PolicyAnnounced {
						told = append(told, l)
					}
				}
				if len(told) != 1 || told[0].Class != audit.ClassBreakGlass || len(told[0].Segments) != 5 { // the actor and four holders
					t.Errorf("%s: told by %+v", what, told)
				}
			}
			var d change.Draft
			alone("submitting", func() { d = f.added(row) })
			if want := d.SubmittedAt.Add(24 * time.Hour); !d.AloneFrom.Equal(want) {
				t.Errorf("it may be published from %s on, want %s", d.AloneFrom, want)
			}
			publish := func() error { return second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")) }
			f.refused("at once", publish(), model.CodeConflict)
			k.Advance(23 * time.Hour)
			f.refused("after 23 hours", publish(), model.CodeConflict)
			for _, id := range []string{"sys", "sec", "sec2", "aud"} {
				ns, err := f.Notices(ctx, f.who(id), tenant)
				if err != nil || len(ns) != 1 || ns[0].Draft.ID != d.ID || !ns[0].From.Equal(d.AloneFrom) || ns[0].Draft.Document != "" {
					t.Errorf("%s is shown %+v, %v", id, ns, err)
				}
			}
			k.MustEnrol("ann", "sales-rep")
			if ns, err := f.Notices(ctx, f.who("ann"), tenant); err != nil || ns != nil {
				t.Errorf("who holds no office is shown %+v, %v", ns, err)
			}

			// A change that is written to begins its day anew.
			d = f.submitted("sec", f.saved("sec", d, d.Document+row2+"\n"))
			k.Advance(23 * time.Hour)
			f.refused("after the day of another version", publish(), model.CodeConflict)
			k.Advance(time.Hour)
			leaves := f.Recorded(func() { alone("publishing", func() { f.must(nil, publish()) }) })
			for _, l := range leaves {
				if l.Class != audit.ClassBreakGlass {
					t.Errorf("%s is recorded as %s", l.Activity, l.Class)
				}
			}
			if now := f.current(); now.Text != d.Document || now.ApprovedBy != "" {
				t.Errorf("in force is %+v", now)
			}
			if ns, err := f.Notices(ctx, f.who("aud"), tenant); err != nil || len(ns) != 1 || ns[0].Draft.State != change.Published {
				t.Errorf("after it was published aud is shown %+v, %v", ns, err)
			}
			k.Advance(31 * 24 * time.Hour)
			if ns, err := f.Notices(ctx, f.who("aud"), tenant); err != nil || ns != nil {
				t.Errorf("a month later aud is shown %+v, %v", ns, err)
			}

			// Two people are quicker, and nobody need be told.
			d = f.approved("aud", f.added("p, role:sales-rep, contact, close, own, , allow"))
			as := f.activities(func() { f.must(nil, publish()) })
			if diff := cmp.Diff([]audit.Activity{audit.PolicyPublished}, as); diff != "" {
				t.Error(diff)
			}
			if ns, err := f.Notices(ctx, f.who("aud"), tenant); err != nil || ns != nil {
				t.Errorf("of what two people did aud is shown %+v, %v", ns, err)
			}
		})
	}
}

// startsOf counts the starts that said that one person is enough.
func startsOf(f *firm) int {
	f.T.Helper()
	return audittest.Count(f.T, f.App.Store, audit.FourEyesSingle)
}

// What was submitted while two people were needed, was announced to nobody, and is not
// published by one when the setting changes; nor the other way round.
func TestTheSettingChanges(t *testing.T) {
	k := testkit.New(t)
	f := firmOf(k)
	if n := startsOf(f); n != 0 {
		t.Errorf("%d entries say that one person is enough", n)
	}
	d := f.added(row)
	publish := func() error { return second(f.Publish(ctx, f.who("sec"), tenant, d.ID, d.Version, "")) }
	k.Advance(48 * time.Hour)
	f.refused("alone", publish(), model.CodeConflict)
	if ns, err := f.Notices(ctx, f.who("aud"), tenant); err != nil || ns != nil {
		t.Errorf("aud is shown %+v, %v", ns, err)
	}
	f.Single = true
	f.refused("alone, though nobody was told", publish(), model.CodeConflict)
	d = f.submitted("sec", f.saved("sec", d, d.Document))
	k.Advance(48 * time.Hour)
	f.Single = false
	f.refused("alone, which is no longer enough", publish(), model.CodeConflict)
}
