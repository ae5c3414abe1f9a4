package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of an exchange with a receiver.
const (
	connectWithin  = 5 * time.Second // and as long for TLS
	answerWithin   = 30 * time.Second
	mostHeader     = 16 << 10
	mostAnswer     = 64 << 10 // of a body, which is not looked at
	longestAfter   = time.Hour
	idleConnection = 90 * time.Second
)

// Webhook posts batches as JSON arrays, signed as Standard Webhooks 1.0.0 has it
// (https://www.standardwebhooks.com).
type Webhook struct {
	url    string // may hold credentials: never in an error or a log
	keys   [][]byte
	agent  string
	now    func() time.Time
	client *http.Client
}

// WebhookOptions say where to, and how.
type WebhookOptions struct {
	URL     string
	Secrets [][]byte
	Allow   []netip.Prefix // networks inside that may be connected to
	Agent   string         // User-Agent
	Now     func() time.Time
}

// CheckURL says what is wrong with a receiver's URL, without repeating it. Plain
// http is for a receiver on this host, where it may be at all. An address in it is
// looked at; a name is when it is resolved.
func CheckURL(text string, plain bool, allow []netip.Prefix) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "":
		return errors.New("is no URL of a receiver, such as https://siem.example.com/rolegate")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is an https URL")
	case u.Scheme == "http" && !plain:
		return errors.New("is an https URL; http is for trying it out, where ROLEGATE_ISSUER is http as well")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return guardOf(u, allow).Check(ip)
	}
	if u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost") {
		return errors.New("is an https URL; http goes no further than this host")
	}
	return nil
}

func guardOf(u *url.URL, allow []netip.Prefix) Guard {
	return Guard{Allow: allow, Loopback: u.Scheme == "http"}
}

// NewWebhook makes a webhook to a URL that CheckURL has passed.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("no URL")
	}
	return &Webhook{url: o.URL, keys: o.Secrets, agent: o.Agent, now: o.Now, client: &http.Client{
		Timeout: answerWithin,
		// A redirect leads where nobody has said that the log may go: it is an answer
		// like others that are no success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // it would connect where the guard cannot look
			DialContext:            guardOf(u, o.Allow).dialer(connectWithin).DialContext,
			ForceAttemptHTTP2:      true,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectWithin,
			ResponseHeaderTimeout:  answerWithin,
			MaxResponseHeaderBytes: mostHeader,
			IdleConnTimeout:        idleConnection,
			MaxIdleConns:           1,
			DisableCompression:     true,
		},
	}}, nil
}

// Place is the receiver as it may be shown: without path, query and credentials.
func (w *Webhook) Place() string {
	u, err := url.Parse(w.url)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Deliver posts the events. Only an answer of 2xx counts.
func (w *Webhook) Deliver(ctx context.Context, events [][]byte) error {
	body := make([]byte, 0, mostBytes)
	body = append(body, '[')
	body = append(body, bytes.Join(events, []byte(","))...)
	body = append(body, ']')
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("no request can be made of the URL")
	}
	id, at := messageID(body), w.now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.agent)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", stamp(at))
	req.Header.Set("Webhook-Signature", signature(w.keys, id, at, body))
	res, err := w.client.Do(req)
	if err != nil {
		var about *url.Error // which repeats the URL
		if errors.As(err, &about) {
			err = about.Err
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, mostAnswer)) // so that the connection can be used again
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return nil
	}
	return &Refusal{
		After:    after(res.Header.Get("Retry-After"), w.now()),
		TooLarge: res.StatusCode == http.StatusRequestEntityTooLarge,
		Err:      fmt.Errorf("the receiver answered %d", res.StatusCode),
	}
}

// after reads a Retry-After header (RFC 9110, section 10.2.3); longer than an hour
// nobody makes us wait.
func after(header string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestAfter)
}

// Close gives up idle connections.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}
