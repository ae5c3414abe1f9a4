package app

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// connections is a listener with a bounded number of open connections. When it
// is full, the connection goes that has waited longest for a request: whoever
// only holds connections keeps nobody out. One that is served stays; the
// timeouts of the server bound how long that is. See docs/decisions/0034.
type connections struct {
	net.Listener
	max   int // open at once
	share int // of them from one address; 0 where all come from a proxy

	mu      sync.Mutex
	open    int
	from    map[netip.Addr]int // open, by address
	waiting list.List          // of *connection, for a request; the longest first
	shed    map[string]uint64  // closed so far, by reason
}

// Why a connection was closed that did nothing wrong.
const (
	shedFull  = "full"  // to make room for another
	shedShare = "share" // its address has all it may have
)

// connection is one that is open.
type connection struct {
	net.Conn
	home    *connections
	address netip.Addr
	place   *list.Element // among those that wait; nil while it is served
	left    bool
}

func limitConnections(ln net.Listener, most, share int) *connections {
	return &connections{Listener: ln, max: most, share: share, from: map[netip.Addr]int{}, shed: map[string]uint64{shedFull: 0, shedShare: 0}}
}

// Accept waits for the next connection.
func (l *connections) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, goes := l.admit(raw)
		if goes != nil {
			goes.Close()
		}
		if c != nil {
			return c, nil
		}
	}
}

// admit takes a connection in, unless it is nil, and tells which one has to go:
// none, one that waits, or the new one, which is the last that waits.
func (l *connections) admit(raw net.Conn) (c *connection, goes net.Conn) {
	address := origin(raw.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share > 0 && l.from[address] >= l.share {
		l.shed[shedShare]++
		return nil, raw
	}
	c = &connection{Conn: raw, home: l, address: address}
	c.place = l.waiting.PushBack(c)
	l.open++
	l.from[address]++
	if l.open <= l.max {
		return c, nil
	}
	oldest := l.waiting.Front().Value.(*connection)
	oldest.leave()
	l.shed[shedFull]++
	if oldest == c {
		return nil, raw
	}
	return c, oldest.Conn
}

// leave takes a connection out. The caller holds the lock.
func (c *connection) leave() {
	if c.left {
		return
	}
	c.left = true
	l := c.home
	l.open--
	if l.from[c.address]--; l.from[c.address] == 0 {
		delete(l.from, c.address)
	}
	c.serve()
}

// serve takes a connection out of those that wait. The caller holds the lock.
func (c *connection) serve() {
	if c.place != nil {
		c.home.waiting.Remove(c.place)
		c.place = nil
	}
}

// Close closes the connection and gives its place back.
func (c *connection) Close() error {
	c.home.mu.Lock()
	c.leave()
	c.home.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer so that it arrives although the rest of
// the request is not read.
func (c *connection) CloseWrite() error {
	if tcp, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// state is the server's http.Server.ConnState.
func (l *connections) state(raw net.Conn, s http.ConnState) {
	for { // of TLS, and of package framing
		over, ok := raw.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		raw = over.NetConn()
	}
	c, ok := raw.(*connection)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.left:
	case s == http.StateActive:
		c.serve()
	case s == http.StateIdle && c.place == nil:
		c.place = l.waiting.PushBack(c)
	}
}

// origin is whom a connection counts for: an IPv4 address, or the /64 that one
// customer has of IPv6.
func origin(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	if ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64) // 64 is a length IPv6 has
		return p.Addr()
	}
	return ip
}

// filesKept are the files a process needs beside its public connections: for
// databases, the admin listener, the local socket.
const filesKept = 256

// roomFor is how many connections can be open when the setting and the process's
// limit on open files allow them: one too many would take the databases theirs.
func roomFor(setting int) int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur > uint64(setting)+filesKept {
		return setting
	}
	return max(int(files.Cur)-filesKept, minConnections)
}

// shareOf is how many of them may come from one address.
func (c Config) shareOf(room int) int {
	if c.BehindProxy {
		return 0
	}
	return max(room/4, 1)
}

// register registers what operators see of the public connections.
func (l *connections) register(reg prometheus.Registerer) {
	count := func(value func() float64) func() float64 {
		return func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return value()
		}
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rolegate_connections", Help: "Open connections of the public listener."},
			count(func() float64 { return float64(l.open) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rolegate_connections_max", Help: "How many there may be."},
			func() float64 { return float64(l.max) }),
	)
	for _, reason := range []string{shedFull, shedShare} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "rolegate_connections_shed_total",
			Help:        "Connections closed to keep room for others, by reason (full, share).",
			ConstLabels: prometheus.Labels{"reason": reason}}, count(func() float64 { return float64(l.shed[reason]) })))
	}
}
