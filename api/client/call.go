package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"
)

// maxAnswer is as much as is read of an answer: a list filter of 50,000 ids, or a
// thousand decisions with their reasons, is smaller.
const maxAnswer = 32 << 20

// answer is a JSON object that came with status 200.
type answer struct {
	members map[string]json.RawMessage
	receipt *Receipt
}

// newBreaker counts attempts. What was answered with less than 500 shows that
// Rolegate is there; a caller who went away, or who asks for a revision that is
// on its way, shows nothing.
func newBreaker(failures uint32, pause time.Duration) *gobreaker.CircuitBreaker[answer] {
	return gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
		Timeout:     pause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= failures },
		IsSuccessful: func(err error) bool {
			return err == nil || isRefusal(err)
		},
		IsExcluded: func(err error) bool {
			var refused *RefusedError
			return errors.Is(err, context.Canceled) || errors.As(err, &refused) && refused.Code == "revision_unavailable"
		},
	})
}

// call asks with the client's token. A token that is refused is renewed once.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if wrote := c.wrote.Load(); wrote > 0 {
		header.Set("Rolegate-Min-Revision", strconv.FormatInt(wrote, 10))
	}
	for renewed := false; ; renewed = true {
		bearer, err := c.tokens.get(ctx)
		if err != nil {
			return answer{}, final(err)
		}
		header.Set("Authorization", "Bearer "+bearer)
		a, err := c.persist(ctx, method, path, header, body)
		var refused *RefusedError
		if renewed || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			return a, final(err)
		}
		c.tokens.refused(bearer)
	}
}

// final turns what ended a call into what its caller is told.
func final(err error) error {
	if err == nil || isRefusal(err) {
		return err
	}
	return unavailable(err)
}

// isRefusal tells whether Rolegate itself says that the question, or who asks it,
// is wrong. Anything else that is no answer, a proxy's page for one, is none.
func isRefusal(err error) bool {
	var e *RefusedError
	return errors.As(err, &e) && e.Code != "" && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

// persist tries until there is an answer, or none is to be had. Asking is safe to
// repeat: nothing comes of it but another entry in Rolegate's log.
func (c *Client) persist(ctx context.Context, method, path string, header http.Header, body []byte) (answer, error) {
	for attempt := 1; ; attempt++ {
		a, err := c.breaker.Execute(func() (answer, error) { return c.attempt(ctx, method, path, header, body) })
		var again *retryable
		if err == nil || attempt == c.attempts || ctx.Err() != nil || !errors.As(err, &again) {
			return a, err
		}
		pause := max(again.after, rand.N(50*time.Millisecond<<attempt))
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
			return a, err // it would end before the next attempt
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return a, err
		}
	}
}

// retryable is an error after which the next attempt may succeed.
type retryable struct {
	error
	after time.Duration
}

func (e *retryable) Unwrap() error { return e.error }

// attempt sends one request, with its share of the time: one replica that hangs
// leaves some for another.
func (c *Client) attempt(ctx context.Context, method, path string, header http.Header, body []byte) (answer, error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, c.timeout/time.Duration(c.attempts))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header.Clone()
	req.Header.Set("Accept", "application/json, application/problem+json")
	var got []byte
	res, err := c.http.Do(req)
	if err == nil {
		defer res.Body.Close()
		got, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	}
	switch {
	case err != nil && parent.Err() != nil:
		return answer{}, fmt.Errorf("%w: %w", context.Cause(parent), err)
	case err != nil:
		return answer{}, &retryable{error: err}
	case len(got) > maxAnswer:
		return answer{}, fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	case res.StatusCode != http.StatusOK:
		return answer{}, refusal(res, got)
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return answer{}, fmt.Errorf("an answer of type %q", res.Header.Get("Content-Type"))
	}
	members, err := object(got)
	return answer{members, receiptOf(res.Header)}, err
}

// refusal reads an answer that is no success. Whatever it is, it is an error; of
// a problem (RFC 9457) or an OAuth error it has the code and the sentence.
func refusal(res *http.Response, body []byte) error {
	var p struct {
		Code        string `json:"code"`
		Detail      string `json:"detail"`
		Description string `json:"error_description"`
		TraceID     string `json:"trace_id"`
	}
	_ = json.Unmarshal(body, &p) // a proxy's page says nothing
	e := &RefusedError{Status: res.StatusCode, Code: p.Code, Detail: orElse(p.Detail, p.Description), TraceID: p.TraceID}
	if e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests {
		if s, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 16); err == nil {
			return &retryable{e, time.Duration(s) * time.Second}
		}
	}
	return e
}
