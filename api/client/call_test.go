package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
)

// What may pass by itself is tried again, and nothing else.
func TestRetries(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	busy := says(503, `{"code":"busy"}`, "Retry-After", "0")
	for _, c := range []struct {
		name    string
		first   http.HandlerFunc
		allowed bool
		asked   int
	}{
		{"hangs up", abort, true, 2},
		{"breaks off", breaksOff, true, 2},
		{"hangs", hangs, true, 2},
		{"busy", busy, true, 2},
		{"too many", says(429, "", "Retry-After", "0"), true, 2},
		{"busy for long", says(503, `{"code":"busy"}`, "Retry-After", "60"), false, 1},
		{"busy, who knows how long", says(503, `{"code":"busy"}`), false, 1},
		{"busy until a date", says(503, `{"code":"busy"}`, "Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"), false, 1},
		{"broken", says(500, ""), false, 1},
		{"bad gateway", says(502, ""), false, 1},
		{"nonsense", says(200, "<"), false, 1},
		{"bad question", says(400, `{"code":"invalid_request"}`), false, 1},
		{"denied", says(200, `{"decision":false}`), false, 1},
		{"redirect", says(307, "", "Location", "/"), false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			gate := f.client(func(o *Options) { o.Retries, o.Timeout = 2, 3*time.Second })
			f.will(inTurn(c.first, says(200, yes)))
			began := time.Now()
			d, err := gate.Check(t.Context(), ann)
			if took := time.Since(began); !c.allowed && took > 2*time.Second {
				t.Errorf("it waited %v for what would not come", took)
			}
			if d.Allow != c.allowed || (err == nil) != c.allowed {
				t.Errorf("Allow %t, %v", d.Allow, err)
			}
			if n := len(f.questions()); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}

	t.Run("an end", func(t *testing.T) {
		f := newFake(t)
		f.will(busy)
		_, err := f.client(func(o *Options) { o.Retries = 2 }).Check(t.Context(), ann)
		var refused *RefusedError
		if !errors.Is(err, ErrUnavailable) || !errors.As(err, &refused) || refused.Code != "busy" {
			t.Errorf("%v", err)
		}
		if n := len(f.questions()); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
	t.Run("a caller who goes away", func(t *testing.T) {
		f := newFake(t)
		ctx, cancel := context.WithCancel(t.Context())
		f.will(func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		_, err := f.client(func(o *Options) { o.Retries = 2 }).Check(ctx, ann)
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if n := len(f.questions()); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
	})
}

// While Rolegate does not answer, nobody waits for it.
func TestBreaker(t *testing.T) {
	f := newFake(t)
	c := f.client(func(o *Options) { o.Failures, o.Pause = 3, time.Second })
	ask := func(answer http.HandlerFunc) error {
		f.will(answer)
		_, err := c.Check(t.Context(), ann)
		return err
	}
	opened := func() bool { return errors.Is(ask(says(200, yes)), gobreaker.ErrOpenState) }

	goesAway := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		f.will(func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		_, err := c.Check(ctx, ann)
		return err
	}
	for name, noFailure := range map[string]func() error{ // they show that Rolegate is there, or nothing of it
		"a refusal":             func() error { return ask(says(400, `{"code":"invalid_request"}`)) },
		"a denial":              func() error { return ask(says(200, `{"decision":false}`)) },
		"a revision on its way": func() error { return ask(says(503, `{"code":"revision_unavailable"}`, "Retry-After", "9")) },
		"a caller who has gone": goesAway,
	} {
		for range 5 {
			_ = noFailure()
		}
		if opened() {
			t.Fatalf("opened by %s", name)
		}
	}
	for _, failure := range []http.HandlerFunc{says(500, `{"code":"internal"}`), says(200, "<"), says(404, "")} {
		_ = ask(failure)
	}
	if !opened() {
		t.Fatal("three failures do not open it")
	}
	asked := len(f.questions())
	if err := ask(says(200, yes)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("open: %v", err)
	}
	if n := len(f.questions()); n != asked {
		t.Error("it asks though it is open")
	}
	for deadline := time.Now().Add(5 * time.Second); ask(says(200, yes)) != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it stays open")
		}
	}
}

// However many ask at once, one token is asked for.
func TestOneToken(t *testing.T) {
	f := newFake(t)
	c := f.client()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Check(t.Context(), ann); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.tokenRequests(); n != 1 {
		t.Errorf("%d tokens for 50 questions", n)
	}

	// All of them are refused at once: one more.
	f.will(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			says(401, `{"code":"unauthorized"}`)(w, r)
			return
		}
		says(200, yes)(w, r)
	})
	for range 50 {
		wg.Go(func() {
			if _, err := c.Check(t.Context(), ann); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.tokenRequests(); n != 2 {
		t.Errorf("%d tokens, want the second one only", n)
	}

	// A token that is refused though it is new is not asked for again and again.
	f.will(says(401, `{"code":"unauthorized"}`))
	asked := len(f.questions())
	var refused *RefusedError
	if _, err := c.Check(t.Context(), ann); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("%v", err)
	}
	if n := len(f.questions()) - asked; n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

// settle waits until no request for a token is under way.
func (t *tokens) settle() {
	t.mu.Lock()
	f := t.flight
	t.mu.Unlock()
	if f != nil {
		<-f.done
	}
}

// A token is renewed before it ends, without anybody waiting, and not used after.
func TestRenewal(t *testing.T) {
	var clock atomic.Int64
	var fetches atomic.Int32
	next := make(chan error)
	tk := &tokens{now: func() time.Time { return time.Unix(clock.Load(), 0) }}
	tk.fetch = func(ctx context.Context) (token, error) {
		fetches.Add(1)
		if ctx.Err() != nil {
			return token{}, ctx.Err()
		}
		select {
		case err := <-next:
			if err != nil {
				return token{}, err
			}
		case <-ctx.Done():
			return token{}, ctx.Err()
		}
		now := tk.now()
		return token{value: now.UTC().Format("at-1504"), renew: now.Add(8 * time.Minute), expires: now.Add(10 * time.Minute)}, nil
	}
	want := func(value string) {
		t.Helper()
		if got, err := tk.get(t.Context()); got != value || err != nil {
			t.Fatalf("%q, %v; want %q", got, err, value)
		}
	}
	at := func(minute int64) { clock.Store(60 * minute) }

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tk.get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away gets %v", err)
	}
	go func() { next <- nil }() // and yet the request goes on, for whoever is next
	want("at-0000")
	at(7)
	want("at-0000")
	at(8)
	want("at-0000") // asks ahead, and does not wait
	want("at-0000")
	next <- errors.New("busy")
	tk.settle()
	want("at-0000") // the next attempt waits a second
	tk.settle()
	if n := fetches.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	at(9)
	want("at-0000")
	next <- nil
	tk.settle()
	want("at-0009")
	tk.refused("at-0000") // of an answer that took its time: the token is another by now
	want("at-0009")
	at(30)
	go func() { next <- errors.New("down") }()
	if got, err := tk.get(t.Context()); got != "" || err == nil {
		t.Errorf("an ended token is used: %q, %v", got, err)
	}
}

func TestReadToken(t *testing.T) {
	asked := time.Unix(0, 0)
	for body, ok := range map[string]bool{
		`{"access_token":"abc","token_type":"Bearer","expires_in":600}`:                 true,
		`{"access_token":"abc","token_type":"bearer","expires_in":1}`:                   true,
		`{"access_token":"abc","token_type":"Bearer","expires_in":9000000000000000000}`: true,
		`{"access_token":"abc","token_type":"DPoP","expires_in":600}`:                   false,
		`{"access_token":"","token_type":"Bearer","expires_in":600}`:                    false,
		`{"access_token":"a\r\nX: y","token_type":"Bearer","expires_in":600}`:           false,
		`{"access_token":"abc","token_type":"Bearer","expires_in":0}`:                   false,
		`{"access_token":"abc","token_type":"Bearer","expires_in":-600}`:                false,
		`{"access_token":"abc","token_type":"Bearer","expires_in":"600"}`:               false,
		`{"access_token":"abc","token_type":"Bearer"}`:                                  false,
		`{"access_token":null,"token_type":"Bearer","expires_in":600}`:                  false,
		`{"Access_Token":"abc","token_type":"Bearer","expires_in":600}`:                 false,
	} {
		members, err := object([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		tk, err := readToken(members, asked)
		if (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
		if ok && !(tk.renew.Before(tk.expires) && tk.expires.Before(asked.Add(25*time.Hour)) && tk.renew.After(asked)) {
			t.Errorf("%s: renewed %v, ends %v", body, tk.renew, tk.expires)
		}
	}
}
