package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rolegate/internal/policy"
	"rolegate/internal/reqctx"
	"rolegate/model"
)

// deciderFunc decides by a function.
type deciderFunc func(ctx context.Context) error

func (f deciderFunc) Evaluate(ctx context.Context, _ model.Caller, _ policy.Request) (model.Decision, error) {
	return allowed, f(ctx)
}

func (f deciderFunc) EvaluateBatch(ctx context.Context, _ model.Caller, rs []policy.Request, _ policy.Semantic) ([]model.Decision, error) {
	return make([]model.Decision, len(rs)), f(ctx)
}

// Whoever waits is released when the request's time is over, however the wait
// is put.
func TestRequestsHaveADeadline(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context) error{
		"done": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"err": func(ctx context.Context) error {
			for ctx.Err() == nil {
				time.Sleep(time.Second)
			}
			return ctx.Err()
		},
		"child": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		},
		"child with less time": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		},
		"many": func(ctx context.Context) error {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { <-ctx.Done() })
			}
			wg.Wait()
			return ctx.Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			h := newHarness(t)
			h.server.Decider = deciderFunc(func(ctx context.Context) error {
				if at, ok := ctx.Deadline(); !ok || !at.Equal(start.Add(requestTimeout)) {
					t.Errorf("%s: deadline %v, %v", name, at, ok)
				}
				return wait(ctx)
			})
			h.want(h.decide("evaluation", aliceReads), 503, model.CodeBusy)
			if took := time.Since(start); took < requestTimeout || took > requestTimeout+time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		})
	}
}

// A caller that goes away releases whoever waits, and what listens on its
// behalf ends with it.
func TestCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		h := newHarness(t)
		h.server.Decider = deciderFunc(func(ctx context.Context) error {
			child, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			leave()
			<-child.Done()
			return child.Err()
		})
		start := time.Now()
		h.want(h.decide("evaluation", aliceReads, func(r *http.Request) { *r = *r.WithContext(ctx) }), statusCancelled, model.CodeCancelled)
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// No timer is made for a decision that waits for nothing, and what is left over
// when the request is done is released at once and still knows its request.
func TestExchangeEnds(t *testing.T) {
	h := newHarness(t)
	var left context.Context
	h.server.Decider = deciderFunc(func(ctx context.Context) error {
		left = ctx
		if exchangeOf(ctx).timer.Load() != nil {
			t.Error("a timer runs though nobody waits")
		}
		return nil
	})
	a := h.decide("evaluation", aliceReads)
	h.want(a, 200, "")
	select {
	case <-left.Done():
	default:
		t.Error("the context of a request that is done lives on")
	}
	if !errors.Is(left.Err(), context.Canceled) || reqctx.From(left).TraceID != a.Header.Get("X-Request-ID") {
		t.Errorf("%v, trace id %q", left.Err(), reqctx.From(left).TraceID)
	}
	child, cancel := context.WithCancel(left)
	defer cancel()
	if child.Err() == nil {
		t.Error("a context made of it lives")
	}
}

func (f deciderFunc) Search(ctx context.Context, _ model.Caller, _ policy.SearchRequest) (policy.Found, error) {
	return policy.Found{}, f(ctx)
}

func (f deciderFunc) Forward(ctx context.Context, _ model.Caller, _ policy.ForwardRequest) (policy.Forwarded, error) {
	return policy.Forwarded{}, f(ctx)
}

func (f deciderFunc) Filter(ctx context.Context, _ model.Caller, _ policy.Request) (policy.Listed, error) {
	return policy.Listed{Decision: allowed}, f(ctx)
}
