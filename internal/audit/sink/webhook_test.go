package sink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The signature is the one of the specification's own libraries, see TestWebhookSign
// in github.com/standard-webhooks/standard-webhooks, libraries/go.
func TestSignatureOfTheSpecification(t *testing.T) {
	keys, err := ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestParseSecrets(t *testing.T) {
	of := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for text, n := range map[string]int{of(24): 1, of(64): 1, of(32) + " " + of(24): 2, "": 0, " ": 0, of(23): 0, of(65): 0,
		"whsec_": 0, strings.TrimPrefix(of(32), "whsec_"): 0, of(32) + " secret-in-clear": 0, "whsec_????": 0} {
		keys, err := ParseSecrets(text)
		if len(keys) != n || (err == nil) != (n > 0) {
			t.Errorf("%q: %d keys, %v", text, len(keys), err)
		}
		if err != nil && strings.Contains(err.Error(), "clear") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// verify is a receiver's check, written after the specification and not after the
// sender.
func verify(secret string, h http.Header, body []byte, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("id %q, timestamp %q", id, at)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > 5*time.Minute || d < -5*time.Minute {
		return errors.New("too old or too new")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + string(body)))
	for _, s := range strings.Split(h.Get("webhook-signature"), " ") {
		version, text, _ := strings.Cut(s, ",")
		sum, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(sum, mac.Sum(nil)) {
			return nil
		}
	}
	return errors.New("no signature is right")
}

// loopback lets a test's receiver be reached.
var loopback = prefixes("127.0.0.0/8", "::1/128")

func newTestWebhook(t *testing.T, url string, allow []netip.Prefix) *Webhook {
	t.Helper()
	keys, err := ParseSecrets(testSecret + " whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWebhook(WebhookOptions{URL: url, Secrets: keys, Allow: allow, Agent: "Rolegate/test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// A batch is one signed array; the same batch again has the same id, and a time of
// its own.
func TestWebhook(t *testing.T) {
	var ids []string
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var events []map[string]int
		if err := json.Unmarshal(body, &events); err != nil || len(events) != 2 || events[1]["n"] != 2 {
			t.Errorf("%s: %v", body, err)
		}
		if err := verify(testSecret, r.Header, body, time.Now()); err != nil {
			t.Error(err)
		}
		if verify(testSecret, r.Header, append(body, ' '), time.Now()) == nil {
			t.Error("the body is not signed")
		}
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "Rolegate/test" || r.URL.RawQuery != "token=t" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		ids = append(ids, r.Header.Get("webhook-id"))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	w := newTestWebhook(t, receiver.URL+"/in?token=t", loopback)
	roots := x509.NewCertPool()
	roots.AddCert(receiver.Certificate())
	w.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
	deliver(t, w, `{"n":1}`, `{"n":2}`)
	w.now = func() time.Time { return time.Now().Add(time.Minute) }
	deliver(t, w, `{"n":1}`, `{"n":2}`)
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("ids: %q", ids)
	}
	if got := w.Place(); got != receiver.URL {
		t.Errorf("shown as %s", got)
	}
}

func tryDeliver(w *Webhook) error {
	return w.Deliver(context.Background(), [][]byte{[]byte(`{}`)})
}

// Only 2xx counts; what the receiver says of when to come again is heeded, within
// reason.
func TestWebhookAnswers(t *testing.T) {
	var status int
	var header string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
	}))
	defer receiver.Close()
	w := newTestWebhook(t, receiver.URL, loopback)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	w.now = func() time.Time { return now }
	for _, status = range []int{200, 201, 204, 299} {
		if err := tryDeliver(w); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
	for _, c := range []struct {
		status   int
		header   string
		after    time.Duration
		tooLarge bool
	}{
		{300, "", 0, false}, {304, "", 0, false}, {400, "", 0, false}, {401, "", 0, false}, {410, "", 0, false}, {500, "", 0, false},
		{413, "", 0, true}, {429, "120", 2 * time.Minute, false}, {503, "Thu, 26 Nov 2026 12:10:00 GMT", 10 * time.Minute, false},
		{503, "Thu, 26 Nov 2026 11:10:00 GMT", 0, false}, {503, "-5", 0, false}, {503, "99999999", time.Hour, false},
		{503, "99999999999999999999", 0, false}, {503, "soon", 0, false},
	} {
		status, header = c.status, c.header
		var r *Refusal
		if err := tryDeliver(w); !errors.As(err, &r) || r.After != c.after || r.TooLarge != c.tooLarge {
			t.Errorf("%d, Retry-After %q: %+v", status, header, err)
		}
	}
}

// A redirect is not followed, whichever way it leads.
func TestWebhookRedirects(t *testing.T) {
	var led atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		receiver := httptest.NewServer(http.RedirectHandler(other.URL, status))
		if err := tryDeliver(newTestWebhook(t, receiver.URL, loopback)); err == nil {
			t.Errorf("%d is taken for success", status)
		}
		receiver.Close()
	}
	if led.Load() {
		t.Error("a redirect was followed")
	}
}

// No proxy is asked, whatever the environment says: net/http reads that once in a
// process, so what is looked at is whether it would.
func TestWebhookAsksNoProxy(t *testing.T) {
	if newTestWebhook(t, "https://siem.example.com/", nil).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy connects where the guard cannot look")
	}
}

// An answer without end holds neither memory nor the sink.
func TestWebhookLongAnswers(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/header" {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}
		w.WriteHeader(200)
		for range 1024 { // of a kilobyte each, unless the other end has gone
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}))
	defer receiver.Close()
	if err := tryDeliver(newTestWebhook(t, receiver.URL, loopback)); err != nil {
		t.Errorf("a long body: %v", err)
	}
	if err := tryDeliver(newTestWebhook(t, receiver.URL+"/header", loopback)); err == nil {
		t.Error("a header of a megabyte is read")
	}
}

// What goes wrong is told without the URL, which may hold credentials.
func TestWebhookErrorsHideTheURL(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().String()
	ln.Close()
	for _, url := range []string{"http://user:hidden@" + at + "/hidden?token=hidden", "https://user:hidden@" + at + "/hidden", "http://user:hidden@[::1]:1/hidden"} {
		for _, allow := range [][]netip.Prefix{loopback, nil} {
			w := newTestWebhook(t, url, allow)
			if err := tryDeliver(w); err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%v", err)
			}
			if strings.Contains(w.Place(), "hidden") {
				t.Error(w.Place())
			}
		}
	}
	for _, url := range []string{"https://user:hidden@", "https://user:hidden@host:port/", "ftp://user:hidden@host/", "http://user:hidden@host/", "https://user:hidden@10.0.0.1/", "hidden", "https:hidden", "https://host/#hidden"} {
		if err := CheckURL(url, true, nil); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for url, plain := range map[string][2]bool{ // where http is not for trying out, and where it is
		"https://siem.example.com/in": {true, true}, "https://8.8.8.8/": {true, true}, "https://10.1.2.3/": {false, false},
		"http://127.0.0.1:9000/": {false, true}, "http://localhost:9000/": {false, true}, "http://siem.example.com/": {false, false},
		"http://8.8.8.8/": {false, false}, "https://127.0.0.1/": {true, true}, "https://[::ffff:10.0.0.1]/": {false, false},
		"https://169.254.169.254/": {false, false}, "": {false, false},
	} {
		for i, may := range []bool{false, true} {
			if err := CheckURL(url, may, prefixes("127.0.0.0/8")); (err == nil) != plain[i] {
				t.Errorf("%s, http %t: %v", url, may, err)
			}
		}
	}
}

// names is a name server whose one answer is that of the test at that moment. It
// says that it resolves for others: of one that does not, an answer without an
// address counts as none, and a resolver asks it again, in whatever order.
func names(t *testing.T, answer func() []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			q.Response, q.RecursionAvailable, q.Additionals = true, true, nil
			for _, text := range answer() {
				a := netip.MustParseAddr(text)
				h := dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Type: q.Questions[0].Type, Class: dnsmessage.ClassINET}
				switch {
				case a.Is4() && h.Type == dnsmessage.TypeA:
					q.Answers = append(q.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
				case a.Is6() && h.Type == dnsmessage.TypeAAAA:
					q.Answers = append(q.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
				}
			}
			if b, err := q.Pack(); err == nil {
				conn.WriteTo(b, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Whatever a name server says, and however it changes its mind, no connection is
// made to an address inside: what counts is the address that is connected to.
func TestNamesLeadNowhereInside(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(inside.URL, "http://"))
	try := func(r *net.Resolver, g Guard) error {
		w := newTestWebhook(t, "http://collector.example.com:"+port+"/", nil)
		d := g.dialer(time.Second)
		d.Resolver = r
		w.client.Transport.(*http.Transport).DialContext = d.DialContext
		return tryDeliver(w)
	}
	for name, answers := range map[string][]string{
		"loopback": {"127.0.0.1"}, "loopback in IPv6": {"::1"}, "mapped": {"::ffff:127.0.0.1"}, "unspecified": {"0.0.0.0"}, "both": {"127.0.0.1", "::1"},
		"translated": {"64:ff9b::7f00:1"}, "metadata": {"169.254.169.254"}, "one inside, another inside": {"10.0.0.1", "127.0.0.1"},
	} {
		if err := try(names(t, func() []string { return answers }), Guard{}); err == nil {
			t.Errorf("%s: delivered", name)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests came inside", n)
	}
	// The same name leads there once the network is allowed, and not when the answer
	// changes to another one.
	g := Guard{Allow: prefixes("127.0.0.1/32")}
	var rebound atomic.Bool
	rebinding := names(t, func() []string {
		if rebound.Load() {
			return []string{"127.0.0.2"}
		}
		return []string{"127.0.0.1"}
	})
	if err := try(rebinding, g); err != nil || reached.Load() != 1 {
		t.Errorf("allowed: %v", err)
	}
	rebound.Store(true)
	if err := try(rebinding, g); err == nil || reached.Load() != 1 {
		t.Errorf("rebound: %v", err)
	}
}
