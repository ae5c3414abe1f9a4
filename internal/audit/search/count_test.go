package search_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/model"
)

// reader reads the log of acme.
var reader = search.Reader{Tenant: "acme", Ref: acme, Caller: model.Caller{Kind: model.CallerUser, Tenant: "acme", ID: "eve", Level: 2}}

// counted adds up by looking at every entry.
func (f *fixture) counted(moments []time.Time) []search.Totals {
	f.t.Helper()
	size, err := f.store.LogSize(f.ctx)
	f.must(err)
	leaves, err := f.store.LeavesFrom(f.ctx, 0, int(size))
	f.must(err)
	spans := make([]search.Totals, len(moments)-1)
	for _, b := range leaves {
		l, err := audit.Decode(b)
		if err != nil || !bytes.Equal(l.Tenant, acme) {
			continue
		}
		for i := range spans {
			if at := time.UnixMicro(l.Time); at.Before(moments[i]) || !at.Before(moments[i+1]) {
				continue
			}
			n, s := int64(1), &spans[i]
			if l.Since != 0 && l.Count > 0 {
				n = l.Count
			}
			switch l.Activity {
			case audit.LoginSucceeded, audit.RecoveryUsed:
				s.LoggedIn += n
			case audit.PasswordFailed, audit.OTPFailed, audit.RecoveryFailed:
				s.Refused += n
			case audit.Evaluated, audit.EvaluatedBatch:
				for _, o := range append(l.Items, audit.Item{Outcome: l.Outcome}) {
					switch o.Outcome {
					case audit.OutcomeAllow:
						s.Allowed += n
					case audit.OutcomeDeny:
						s.Denied += n
					}
				}
			}
		}
	}
	return spans
}

// TestCountIsASumOverAll: whatever is in the log, spans of whatever length have the
// totals that looking at every entry gives, with and without summaries.
func TestCountIsASumOverAll(t *testing.T) {
	defer search.SetBits(2)()
	databases(t, func(t *testing.T, f *fixture) {
		at, activities := begin, []audit.Activity{audit.Evaluated, audit.EvaluatedBatch, audit.LoginSucceeded, audit.RecoveryUsed, audit.PasswordFailed, audit.OTPFailed, audit.RecoveryFailed, audit.UserRead}
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(0, 20).Draw(t, "more entries") {
				w := drawEntry(t, at)
				at = time.UnixMicro(w.leaf.Time)
				w.leaf.Activity = some(t, "activity", activities...)
				if rapid.IntRange(0, 4).Draw(t, "a flood") == 0 {
					w.leaf.Since, w.leaf.Count = w.leaf.Time-1, 7
				}
				f.write(w)
			}
			if rapid.Bool().Draw(t, "summaries") {
				f.summarize()
			}
			moments := []time.Time{begin.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(50*24*time.Hour)).Draw(t, "from")))}
			for range rapid.IntRange(1, 6).Draw(t, "spans") {
				moments = append(moments, moments[len(moments)-1].Add(some(t, "length", time.Second, time.Hour, 24*time.Hour, 30*24*time.Hour)))
			}
			got, err := f.search.Count(f.ctx, reader, moments)
			if err != nil || !got.Before.IsZero() {
				t.Fatal(got.Before, err)
			}
			if diff := cmp.Diff(f.counted(moments), got.Spans); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		})
	})
}

// What a count may read is bounded; then it says from where on it knows.
func TestCountIsBounded(t *testing.T) {
	defer search.SetBits(3)()
	databases(t, func(t *testing.T, f *fixture) {
		for i := range 2000 {
			f.write(written{leaf: audit.Leaf{Time: begin.Add(time.Duration(i) * time.Minute).UnixMicro(), Tenant: acme, Class: audit.ClassDecision,
				Activity: audit.Evaluated, Outcome: audit.OutcomeDeny, Code: model.ReasonNotGranted}})
		}
		moments := []time.Time{begin, begin.Add(1000 * time.Minute), begin.Add(2000 * time.Minute)}
		f.search.Budget = 100_000
		got, err := f.search.Count(f.ctx, reader, moments)
		if err != nil || got.Before.IsZero() || got.Before.Before(moments[1]) || got.Spans[0].Denied != 0 || got.Spans[1].Denied != int64(moments[2].Sub(got.Before)/time.Minute) {
			t.Errorf("without summaries: %+v, %v", got, err)
		}
		f.summarize()
		if got, err = f.search.Count(f.ctx, reader, moments); err != nil || !got.Before.IsZero() || got.Spans[0].Denied != 1000 || got.Spans[1].Denied != 1000 || got.Read > 100 {
			t.Errorf("with summaries: %+v, %v", got, err)
		}
		// Summaries of an earlier release have no totals: nothing is missing for that.
		f.exec(`UPDATE audit_summaries SET totals = NULL`)
		f.search.Budget = 0
		if got, err = f.search.Count(f.ctx, reader, moments); err != nil || got.Spans[0].Denied != 1000 || got.Read < 2000 {
			t.Errorf("without totals: %+v, %v", got, err)
		}
		// It is an entry, and of whom.
		p, err := f.search.Find(f.ctx, search.Filter{Tenant: acme, Activity: audit.LogCounted, Subject: "user:eve"}, search.Newest, 10, nil)
		if err != nil || len(p.Entries) != 3 {
			t.Errorf("%d records of counting, %v", len(p.Entries), err)
		}
	})
}

func TestCountRefuses(t *testing.T) {
	databases(t, func(t *testing.T, f *fixture) {
		for _, moments := range [][]time.Time{nil, {begin}, {begin.Add(1), begin}, slices.Repeat([]time.Time{begin}, search.MaxSpans+2)} {
			if _, err := f.search.Count(f.ctx, reader, moments); model.CodeOf(err) != model.CodeInvalidRequest {
				t.Errorf("%d moments: %v", len(moments), err)
			}
		}
	})
}
