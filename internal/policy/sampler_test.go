package policy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"rolegate/model"
)

// counted is a sampler of every decision whose outcomes are counted.
func counted(every int) (s *Sampler, outcomes chan SampleOutcome, logged *bytes.Buffer) {
	outcomes, logged = make(chan SampleOutcome, 1000), &bytes.Buffer{}
	return NewSampler(every, slog.New(slog.NewTextHandler(logged, nil)), func(o SampleOutcome) { outcomes <- o }), outcomes, logged
}

// run works the sampler's queue until the test ends.
func run(t *testing.T, s *Sampler) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
}

// TestSamplerAgrees: sampled decisions of every kind are the same by Casbin.
func TestSamplerAgrees(t *testing.T) {
	s, outcomes, logged := counted(1)
	snap := mustSnapshot(t, `p, role:rep, deal, read, own, record.stage != 'won', allow
p, *, deal, read, team, , deny
p2, *, deal, update, has(record.stage), deny
p, role:rep, deal, update, all, , allow
p3, role:rep, deal, name, update, deny
p4, *, deal, export, 2, 300, deny
p, role:rep, deal, export, all, , allow
`, mustCatalog(t, dealCatalog), company())
	update := ask("ann", "update", "deal", "1", props{"owner": "ann", "stage": "x"})
	update.Action.Properties = props{"fields": list("name"), "changes": props{"stage": nil}}
	qs := []model.Question{
		ask("ann", "read", "deal", "1", props{"owner": "ann", "teams": nil, "stage": "open"}),
		ask("ann", "read", "deal", "*", nil), ask("ann", "export", "deal", "1", props{"owner": "bob"}),
		ask("eve", "read", "deal", "1", nil), update, ask("ann", "update", "deal", "1", nil),
	}
	run(t, s)
	for _, q := range qs {
		in := Inputs{Now: noon}
		d := snap.Decide(&q, &in)
		s.offer(snap, &q, &in, &d)
		if got := <-outcomes; got != SampleSame {
			t.Errorf("%+v answered %s: %s\n%s", q, d.Code, got, logged)
		}
	}
}

// TestSamplerAlarms: a difference is counted and logged, without naming anybody.
func TestSamplerAlarms(t *testing.T) {
	s, _, logged := counted(1)
	snap := mustSnapshot(t, "p, *, deal, read, all, , allow\np, role:rep, deal, read, all, , deny\n", nil, company())
	q, in := ask("ann", "read", "deal", "secret-id", nil), Inputs{Now: noon}
	for name, d := range map[string]model.Decision{
		"an allowance": {Allow: true, Code: model.ReasonAllowed, Rule: snap.row(0)},
		"another row":  {Code: model.ReasonDenied, Rule: snap.row(0)},
		"no row":       {Code: model.ReasonDenied},
	} {
		logged.Reset()
		if got := s.check(&sample{snap, q, in, d}); got != SampleDifferent {
			t.Errorf("%s where Casbin denies: %s", name, got)
		}
		text := logged.String()
		if !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "casbin_code=denied") || strings.Contains(text, "ann") || strings.Contains(text, "secret-id") {
			t.Errorf("logged: %s", text)
		}
	}
	broken := *snap
	rules := *snap.rules.copyForTest()
	rules.text = "nonsense\n"
	broken.rules = &rules
	if got := s.check(&sample{&broken, q, in, model.Decision{}}); got != SampleFailed {
		t.Errorf("a policy Casbin cannot read: %s", got)
	}
}

// copyForTest is the ruleset without its caches.
func (rs *ruleset) copyForTest() *ruleset {
	return &ruleset{hash: rs.hash, text: rs.text, catalog: rs.catalog, places: rs.places, subjects: rs.subjects, names: rs.names,
		inherits: rs.inherits, objects: rs.objects, any: rs.any, grants: rs.grants, proofs: rs.proofs}
}

// TestSamplerNeverWaits: what does not fit the queue is let go, policies beyond
// its size are skipped, and none is taken where none is asked for.
func TestSamplerNeverWaits(t *testing.T) {
	snap := mustSnapshot(t, "p, *, deal, read, all, , allow\n", nil, company())
	q, in := ask("ann", "read", "deal", "1", nil), Inputs{Now: noon}
	d := snap.Decide(&q, &in)
	s, outcomes, _ := counted(1)
	for range sampleQueue + 3 { // nobody works it
		s.offer(snap, &q, &in, &d)
	}
	if len(outcomes) != 3 || <-outcomes != SampleDropped {
		t.Errorf("%d were dropped", len(outcomes))
	}
	off, outcomes, _ := counted(0)
	var none *Sampler
	for _, s := range []*Sampler{off, none} {
		s.offer(snap, &q, &in, &d)
	}
	if len(outcomes) != 0 || len(off.queue) != 0 {
		t.Error("a sampler that is off takes samples")
	}
	rare, _, _ := counted(1_000_000)
	for range 1000 {
		rare.offer(snap, &q, &in, &d)
	}
	if len(rare.queue) > 5 {
		t.Errorf("%d of 1,000 decisions were taken for one in a million", len(rare.queue))
	}
	var large strings.Builder
	for i := range maxSampledRows + 1 {
		fmt.Fprintf(&large, "p, role:rep, deal, a%d, all, , allow\n", i)
	}
	if got := s.check(&sample{mustSnapshot(t, large.String(), nil, company()), q, in, d}); got != SampleSkipped {
		t.Errorf("a policy of %d rows: %s", maxSampledRows+1, got)
	}
}
