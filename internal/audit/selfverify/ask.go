package selfverify

import (
	"context"
	"time"

	"rolegate/model"
)

// Answer is what has become of a pass that was asked for.
type Answer struct {
	Running bool  `json:"running"` // ask again
	Done    int64 `json:"done"`    // entries, while it runs
	Size    int64 `json:"size"`
	Pass    *Pass `json:"pass,omitempty"` // where it has ended
}

// ask is a pass that was asked for.
type ask struct {
	done chan struct{}
	pass *Pass
	err  error
}

// Ask begins a pass now, or joins the one that was asked for before, and waits for
// it at most that long. While Run runs, a pass goes on when the asker has gone, who
// may ask again; else it ends with ctx, and wait does not count.
func (v *Verifier) Ask(ctx context.Context, caller model.Caller, wait time.Duration) (Answer, error) {
	a, background := v.asked(ctx, caller)
	var enough <-chan time.Time
	if background {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-a.done:
		v.forget(a)
		if a.pass == nil {
			return Answer{}, a.err
		}
		return Answer{Pass: a.pass, Done: a.pass.Report.Size, Size: a.pass.Report.Size}, nil
	case <-enough:
		return v.underWay(), nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// asked is the pass that is under way for whoever asks, or a new one.
func (v *Verifier) asked(ctx context.Context, caller model.Caller) (a *ask, background bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.base != nil && v.base.Err() == nil {
		ctx, background = v.base, true
	}
	if v.asks == nil {
		a := &ask{done: make(chan struct{})}
		v.asks = a
		go func() {
			defer close(a.done)
			a.pass, a.err = v.pass(ctx, caller, true)
			if a.pass == nil && a.err == nil {
				a.err = model.Errorf(model.CodeConflict, "another replica verifies the log right now; ask there, or when it is done")
			}
		}()
	}
	return v.asks, background
}

// forget makes the next one who asks begin anew, once somebody has the answer.
func (v *Verifier) forget(a *ask) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asks == a {
		v.asks = nil
	}
}

func (v *Verifier) underWay() Answer {
	a := Answer{Running: true}
	if p := v.doing.Load(); p != nil {
		a.Done, a.Size = p.at.Load(), p.size.Load()
	}
	return a
}

// State is what operators see in readiness.
type State struct {
	Known
	Findings []string `json:"findings,omitempty"` // of this replica
}

// State is what operators see in readiness.
func (v *Verifier) State() State {
	s := State{Known: *v.known.Load()}
	if p := v.last.Load(); s.Failed && p != nil && p.Failed() {
		s.Findings = findings(p.Report)
	}
	return s
}
