// Package client is for CRM backends in Go: it asks Rolegate before anything is
// shown or changed, and takes every doubt for a no.
//
//	gate, err := client.New(client.Options{URL: "https://gate.example.com", ClientID: "crm", ClientSecret: secret})
//	r.With(gate.Require("read", "contact", contactOf)).Get("/contacts/{id}", getContact)
//
// A method returns a nil error only where something is allowed, so that whoever
// looks at the error alone, or at Decision.Allow alone, is right:
//
//	error                     means                                       over HTTP (WriteError)
//	*StepUpError              the person has to prove more, then again    401 and a challenge (RFC 9470)
//	*DeniedError              Rolegate says no                            403, 401 where the person's token is bad
//	ErrUnavailable            there is no answer, so it is no             503
//	*RefusedError             the question is wrong, or the client        500
//
// The package gets and renews its own token, tries again what may be tried
// again, and stops asking for a while when Rolegate does not answer. No decision
// is kept: the next question is asked anew, which is how a role that was taken
// away is felt at once. The standard library and a circuit breaker are all that
// it brings along.
package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Options say where Rolegate is and who asks. The zero value of what is not
// marked as needed is right for most.
type Options struct {
	URL          string // needed: Rolegate's address, such as https://gate.example.com; https, or http to this machine
	ClientID     string // needed: from `rolegate client add`
	ClientSecret string // needed
	Tenant       string // needed by a client of several tenants: the one this Client asks in

	// Subject says who is behind a request. Bearer when nil.
	Subject func(*http.Request) (Subject, error)

	Timeout time.Duration // of a question with all its attempts; 3 s when zero
	Retries int           // after the first attempt, at most; 2 when zero, none when negative

	// After this many attempts in a row without a usable answer (5 when zero) no
	// question is asked for Pause (5 s when zero); then one is tried.
	Failures int
	Pause    time.Duration

	// AllowPlainHTTP lets URL be http:// to another machine. The secret, people's
	// tokens and the answers then go over the network for all to read and change:
	// only for a network that is private to the two.
	AllowPlainHTTP bool

	// Transport carries the requests; one of the Client's own when nil.
	Transport http.RoundTripper
}

// Client asks one Rolegate as one client, in one tenant. It is for many
// goroutines at once, and there should be one for a whole process: the token, the
// breaker and the connections are shared.
type Client struct {
	base     string
	subject  func(*http.Request) (Subject, error)
	timeout  time.Duration
	attempts int
	http     *http.Client
	tokens   *tokens
	breaker  *gobreaker.CircuitBreaker[answer]
	wrote    atomic.Int64
}

// New makes a Client. It asks nothing yet, so Rolegate may start later.
func New(o Options) (*Client, error) {
	base, err := address(o.URL, o.AllowPlainHTTP)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" || o.ClientSecret == "" {
		return nil, errors.New("rolegate: ClientID and ClientSecret are needed")
	}
	if o.Timeout < 0 || o.Failures < 0 || o.Pause < 0 {
		return nil, errors.New("rolegate: Timeout, Failures and Pause cannot be negative")
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64 // one host is all there is
		transport = t
	}
	c := &Client{
		base: base, subject: o.Subject, timeout: orElse(o.Timeout, 3*time.Second),
		attempts: 1 + max(orElse(o.Retries, 2), 0),
		http:     &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if c.subject == nil {
		c.subject = Bearer
	}
	c.breaker = newBreaker(uint32(orElse(o.Failures, 5)), orElse(o.Pause, 5*time.Second))
	c.tokens = &tokens{now: time.Now, fetch: c.clientCredentials(o.ClientID, o.ClientSecret, o.Tenant)}
	return c, nil
}

// Close ends connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Wrote tells the revision that a write to Rolegate answered, of a role, say.
// Every later answer is at least that new, from whichever replica, or there is
// none (read your writes).
func (c *Client) Wrote(revision int64) {
	for old := c.wrote.Load(); revision > old; old = c.wrote.Load() {
		if c.wrote.CompareAndSwap(old, revision) {
			return
		}
	}
}

// address is the base of all URLs, without a slash at its end.
func address(raw string, plain bool) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Errorf("rolegate: %q is not an address such as https://gate.example.com", raw)
	case u.Scheme == "http" && (plain || local(u.Hostname())), u.Scheme == "https":
		return strings.TrimRight(u.String(), "/"), nil
	case u.Scheme == "http":
		return "", fmt.Errorf("rolegate: %q is not https; AllowPlainHTTP is for private networks", raw)
	}
	return "", fmt.Errorf("rolegate: %q is neither https nor http", raw)
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
