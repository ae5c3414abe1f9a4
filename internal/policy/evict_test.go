package policy

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/store"
	"rolegate/model"
)

// TestSnapshotsAreGivenUp: by the budget the one not used longest first, by
// idleness whoever was not asked for; and a tenant that is asked for again is
// there again.
func TestSnapshotsAreGivenUp(t *testing.T) {
	h := newHouse(t)
	now := noon
	c := &Snapshots{Store: h.Store, Now: func() time.Time { return now }, Idle: time.Hour}
	var tenants []string
	for range 4 {
		tenants = append(tenants, h.tenant(t, "", "p, *, contact, read, all, , allow\n", company(), nil).Tenant)
	}
	load := func(tenant string) *View {
		t.Helper()
		now = now.Add(time.Minute)
		v, err := c.Latest(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	inMemory := func() (names []string) {
		for _, s := range c.loaded() {
			names = append(names, s.tenant)
		}
		slices.Sort(names)
		return names
	}
	first := load(tenants[0])
	c.Budget = first.size * 5 / 2 // room for two
	load(tenants[1])
	load(tenants[0])
	load(tenants[2])
	if got := inMemory(); !slices.Equal(got, []string{tenants[0], tenants[2]}) {
		t.Errorf("in memory: %v; tenant %s was not used longest", got, tenants[1])
	}
	if u := c.Usage(); u.Tenants != 2 || u.Bytes > c.Budget {
		t.Errorf("usage %+v of %d", u, c.Budget)
	}
	c.Budget = 1 // whoever is asked for is there all the same
	load(tenants[3])
	if got := inMemory(); !slices.Equal(got, []string{tenants[3]}) {
		t.Errorf("in memory: %v", got)
	}
	c.Budget = 0
	load(tenants[0])
	now = now.Add(time.Hour - time.Second)
	load(tenants[1])
	c.Sweep()
	if got := inMemory(); !slices.Equal(got, []string{tenants[1]}) {
		t.Errorf("after the sweep: %v", got)
	}
	q, in := ask("ann", "read", "contact", "1", nil), Inputs{Now: noon}
	if !first.answerTo(q, in).Allow || !load(tenants[0]).answerTo(q, in).Allow {
		t.Error("a snapshot that was given up does not answer any more, or not again")
	}
}

// What is offered to a snapshot goes when the snapshot does, and is not left to
// one that is gone.
func TestOffersAreGivenUp(t *testing.T) {
	h, caller := library(t, 3)
	c := h.Snapshots
	view, err := c.Latest(t.Context(), caller.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Usage().Bytes
	c.offer(caller.Tenant, &offer{revision: 2, rules: view.rules})
	if c.Usage().Bytes <= before {
		t.Error("an offer is not counted")
	}
	s := c.find(caller.Tenant)
	c.loaded()[0].giveUp()
	if s.view.Load() != nil || s.offered.Load() != nil {
		t.Error("the offer outlives the snapshot")
	}
	c.offer(caller.Tenant, &offer{revision: 2, rules: view.rules})
	if s.offered.Load() != nil {
		t.Error("an offer is kept for a snapshot that is gone")
	}
}

// withBytes is a directory whose snapshot takes so many bytes, and a few more.
func withBytes(n int) model.Directory {
	return model.Directory{Subjects: []model.Subject{{Type: "user", ID: "ann", Attributes: map[string]any{"x": strings.Repeat("x", n)}}}}
}

// A tenant that outgrows the room it was given makes the others go at once, not
// only when it is loaded.
func TestGrowingMakesRoom(t *testing.T) {
	h, growing := library(t, 3)
	other := h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(100_000), nil)
	for _, tenant := range []string{other.Tenant, growing.Tenant} {
		if _, err := h.Snapshots.Latest(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	c := h.Snapshots
	c.Budget = c.Usage().Bytes + 10_000
	put := func(size int) {
		t.Helper()
		h.write(t, growing.Tenant, changed(store.ChangedSubject, "user:u0000"), func(ctx context.Context, tx store.Tx) error {
			return tx.PutSubject(ctx, growing.Tenant, model.Subject{Type: "user", ID: "u0000", Attributes: map[string]any{"x": strings.Repeat("x", size)}})
		})
		if _, err := c.Latest(t.Context(), growing.Tenant); err != nil {
			t.Fatal(err)
		}
	}
	put(100)
	if n := c.Usage().Tenants; n != 2 {
		t.Fatalf("%d tenants, and both fit", n)
	}
	put(50_000)
	if n := c.Usage().Tenants; n != 1 || c.find(growing.Tenant).view.Load() == nil {
		t.Errorf("%d tenants in memory, and only the one that grew may be", n)
	}
}

// Growth is measured from what room was last made for, so that many small steps
// count as well as a large one.
func TestGrowthAddsUp(t *testing.T) {
	s := &slot{}
	var made []int64
	for _, bytes := range []int64{800, 850, 900, 901, 1000, 400, 440, 451} {
		if s.grew(bytes) {
			made = append(made, bytes)
		}
	}
	if want := []int64{800, 901, 451}; !slices.Equal(made, want) {
		t.Errorf("room was made for %v, want %v", made, want)
	}
}

// A tenant that outgrew the whole budget is named once, until it fits again.
func TestTenantLargerThanTheBudget(t *testing.T) {
	h, caller := library(t, 3)
	var out strings.Builder
	c := h.Snapshots
	c.Logger = slog.New(slog.NewTextHandler(&out, nil))
	sweep := func(budget int64, want int) {
		t.Helper()
		c.Budget = 0
		if _, err := c.Latest(t.Context(), caller.Tenant); err != nil {
			t.Fatal(err)
		}
		c.Budget = budget
		c.Sweep()
		if n := strings.Count(out.String(), "tenant="+caller.Tenant); n != want {
			t.Errorf("budget %d: %d warnings, want %d", budget, n, want)
		}
	}
	sweep(1<<30, 0)
	sweep(10, 1)
	sweep(10, 1)
	sweep(1<<30, 1)
	sweep(10, 2)
}

// A tenant that is larger than the whole budget is not loaded again and again:
// it stays while it is in use, and the others share the budget as if it were not
// there. When others are used and it is not, it goes.
func TestTooLargeForTheBudgetStaysWhileInUse(t *testing.T) {
	h := newHouse(t)
	now := noon
	c := &Snapshots{Store: h.Store, Now: func() time.Time { return now }}
	tenant := func(attributes int) string {
		return h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(attributes), nil).Tenant
	}
	large, a, b, d := tenant(1_000_000), tenant(0), tenant(0), tenant(0)
	load := func(tenant string) *View {
		t.Helper()
		v, err := c.Latest(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	inMemory := func(want ...string) {
		t.Helper()
		var names []string
		for _, s := range c.loaded() {
			names = append(names, s.tenant)
		}
		slices.Sort(names)
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("in memory (-want +got):\n%s", diff)
		}
	}
	c.Budget = load(a).size * 5 / 2 // room for two of the small
	now = now.Add(time.Second)
	load(b)
	first := load(large)
	inMemory(large, a, b)
	for range 3 {
		now = now.Add(30 * time.Second)
		load(b)
		if load(large) != first {
			t.Error("it was loaded again")
		}
		c.Sweep()
		inMemory(large, a, b)
	}
	load(d)
	inMemory(large, b, d)
	now = now.Add(61 * time.Second)
	c.Sweep() // nobody was used since
	inMemory(large, b, d)
	load(d)
	c.Sweep()
	inMemory(b, d)
	larger := tenant(2_000_000)
	load(larger)
	load(large) // there is room for one of them: the one somebody waits for
	inMemory(large, b, d)
}

// Records that are loaded to answer take their room at once.
func TestRecordsMakeRoom(t *testing.T) {
	h, caller := library(t, 100)
	other := h.tenant(t, "", "p, *, contact, read, all, , allow\n", withBytes(100_000), nil)
	for _, tenant := range []string{other.Tenant, caller.Tenant} {
		if _, err := h.Snapshots.Latest(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	c := h.Snapshots
	c.Budget = c.Usage().Bytes + 1_000
	r := Request{Question: model.Question{Subject: model.Entity{Type: "user", ID: "u0001"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "book", ID: "b0001"}}}
	if _, err := h.Evaluate(t.Context(), caller, r); err != nil {
		t.Fatal(err)
	}
	if c.find(other.Tenant).view.Load() != nil || c.find(caller.Tenant).view.Load() == nil {
		t.Errorf("usage %+v of %d", c.Usage(), c.Budget)
	}
}

// However short Idle is, whoever is idle is given up soon after.
func TestSweepsFollowIdle(t *testing.T) {
	for idle, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Second, 10 * time.Second: 5 * time.Second, time.Hour: time.Minute,
	} {
		if got := (&Snapshots{Idle: idle}).sweepEvery(); got != want {
			t.Errorf("idle %s: every %s, want %s", idle, got, want)
		}
	}
}
