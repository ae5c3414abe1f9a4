package app

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"rolegate/internal/framing"
)

// nowhere is a connection from an address.
type nowhere struct {
	net.Conn
	from   string
	closed *int
}

func (n nowhere) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(n.from))
}
func (n nowhere) Close() error { *n.closed++; return nil }

func TestWhoeverWaitsLongestGoes(t *testing.T) {
	l := limitConnections(nil, 3, 0)
	closed := 0
	take := func() (*connection, net.Conn) { return l.admit(nowhere{from: "192.0.2.1:1", closed: &closed}) }
	a, _ := take()
	b, _ := take()
	c, goes := take()
	if goes != nil || l.open != 3 {
		t.Fatalf("%d open, %v goes", l.open, goes)
	}
	l.state(&framing.Conn{Conn: tls.Server(a, nil)}, http.StateActive) // what is over it is seen through
	d, goes := take()
	if !b.left || goes != b.Conn || d == nil || l.open != 3 { // a is served, so it is b who waited longest
		t.Errorf("b stays: %v goes", goes)
	}
	l.state(a, http.StateIdle) // and now waits since just now
	if _, goes = take(); goes != c.Conn {
		t.Errorf("%v goes", goes)
	}
	for _, x := range []*connection{a, d} {
		l.state(x, http.StateActive)
	}
	l.state(l.waiting.Front().Value.(*connection), http.StateActive)
	if e, goes := take(); e != nil || goes == nil || l.open != 3 { // all are served: the new one goes
		t.Errorf("%v comes, %v goes, %d open", e, goes, l.open)
	}
	a.Close()
	a.Close()
	l.state(b, http.StateIdle) // gone already
	if l.open != 2 || l.waiting.Len() != 0 || l.from[netip.MustParseAddr("192.0.2.1")] != 2 {
		t.Errorf("%d open, %d wait, %v", l.open, l.waiting.Len(), l.from)
	}
}

func TestSharesOfAddresses(t *testing.T) {
	l := limitConnections(nil, 100, 2)
	closed := 0
	for _, c := range []struct {
		from string
		good bool
	}{
		{"192.0.2.1:1", true}, {"192.0.2.1:2", true}, {"192.0.2.1:3", false}, {"[::ffff:192.0.2.1]:4", false}, {"192.0.2.2:1", true},
		{"[2001:db8::1]:1", true}, {"[2001:db8:0:0:ffff::2]:1", true}, {"[2001:db8::3]:1", false}, {"[2001:db8:0:1::3]:1", true},
	} {
		if got, _ := l.admit(nowhere{from: c.from, closed: &closed}); (got != nil) != c.good {
			t.Errorf("%s: %v", c.from, got)
		}
	}
}

// What is bounded is bounded by these, in the service as it runs.
func TestTimeouts(t *testing.T) {
	a := &App{Logger: slog.New(slog.DiscardHandler), Timeouts: DefaultTimeouts}
	for name, srv := range map[string]*http.Server{"public": a.publicServer(nil, limitConnections(nil, 1, 1), nil), "admin": a.httpServer(nil)} {
		if srv.ReadHeaderTimeout != 5*time.Second || srv.ReadTimeout != 30*time.Second || srv.WriteTimeout != time.Minute || srv.IdleTimeout != 2*time.Minute ||
			srv.MaxHeaderBytes != 16<<10 || !srv.DisableGeneralOptionsHandler {
			t.Errorf("%s: %+v", name, srv)
		}
	}
	if a := publicState(t); a != 0 {
		t.Errorf("%d connections are counted that have ended", a)
	}
}

// publicState serves some connections, one of them hanging up in the middle, and
// tells how many are counted once all are over.
func publicState(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limitConnections(ln, 10, 10)
	a := &App{Logger: slog.New(slog.DiscardHandler), Timeouts: DefaultTimeouts}
	srv := a.publicServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), l, nil)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(a.followed(l, nil)) }()
	for _, text := range []string{"", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "x\r\n\r\n"} {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		c.Close()
	}
	resp, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}
