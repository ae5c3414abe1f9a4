package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// tokens holds the client's own access token and gets the next one: one request
// at a time, however many wait for it.
type tokens struct {
	now   func() time.Time
	fetch func(context.Context) (token, error)

	mu      sync.Mutex // held for the fields below, never while asking
	current token
	flight  *flight   // the request under way
	after   time.Time // no request ahead of need before this
}

type token struct {
	value   string
	renew   time.Time // from here on the next one is asked for ahead of need
	expires time.Time // from here on it is not used
}

type flight struct {
	done  chan struct{} // closed when token and err are set
	token token
	err   error
}

// get is a token that is valid now. Nobody waits for a renewal while the old
// token serves.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := t.now()
	valid := t.current.value != "" && now.Before(t.current.expires)
	if valid && (now.Before(t.current.renew) || now.Before(t.after)) {
		defer t.mu.Unlock()
		return t.current.value, nil
	}
	f := t.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		t.flight = f
		// The request is everybody's: that the first who waits goes away must not end it.
		go t.run(context.WithoutCancel(ctx), f)
	}
	current := t.current.value
	t.mu.Unlock()
	if valid {
		return current, nil
	}
	select {
	case <-f.done:
		return f.token.value, f.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *tokens) run(ctx context.Context, f *flight) {
	f.token, f.err = t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.err == nil {
		t.current = f.token
	} else {
		t.after = t.now().Add(time.Second)
	}
	t.flight = nil
	close(f.done)
}

// refused drops a token that Rolegate did not take, if it is still the current
// one: many may come back with the same.
func (t *tokens) refused(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.value == value {
		t.current = token{}
	}
}

// clientCredentials asks for a token (RFC 6749, sections 2.3.1 and 4.4).
func (c *Client) clientCredentials(id, secret, tenant string) func(context.Context) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"decide"}}
	if tenant != "" {
		form.Set("tenant", tenant)
	}
	body := []byte(form.Encode())
	header := http.Header{
		"Content-Type":  {"application/x-www-form-urlencoded"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))},
	}
	return func(ctx context.Context) (token, error) {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		asked := time.Now()
		a, err := c.persist(ctx, http.MethodPost, "/oauth2/token", header, body)
		if err != nil {
			return token{}, fmt.Errorf("get a token: %w", err)
		}
		t, err := readToken(a.members, asked)
		if err != nil {
			return token{}, fmt.Errorf("get a token: %w", unavailable(err))
		}
		return t, nil
	}
}

// readToken reads the answer of RFC 6749, section 5.1. A token counts as expired
// a little early, and is renewed when four fifths of its life are over.
func readToken(members map[string]json.RawMessage, asked time.Time) (token, error) {
	var value, kind string
	var seconds int64
	for name, to := range map[string]any{"access_token": &value, "token_type": &kind, "expires_in": &seconds} {
		if err := json.Unmarshal(members[name], to); err != nil {
			return token{}, fmt.Errorf("the token endpoint's %s: %w", name, err)
		}
	}
	if !isToken(value) || !strings.EqualFold(kind, "Bearer") || seconds <= 0 {
		return token{}, errors.New("the token endpoint did not answer with a bearer token")
	}
	life := time.Duration(min(seconds, 24*60*60)) * time.Second
	return token{value: value, renew: asked.Add(life * 4 / 5), expires: asked.Add(life - min(5*time.Second, life/10))}, nil
}

// isToken tells whether s can stand behind "Bearer " (RFC 6750, section 2.1).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") == ""
}
