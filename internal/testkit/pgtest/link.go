package pgtest

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Link is a way to a server that a test can break.
type Link struct {
	URL string // of the database, by this way

	to     string
	listen net.Listener
	gate   sync.RWMutex // held for reading while bytes pass; for writing: frozen

	mu     sync.Mutex // held for the fields below
	conns  map[net.Conn]bool
	frozen bool
}

// NewLink makes a way to the database at a URL.
func NewLink(t testing.TB, database string) *Link {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{to: u.Host, conns: map[net.Conn]bool{}}
	if l.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = l.listen.Addr().String()
	l.URL = u.String()
	go l.accept(l.listen)
	t.Cleanup(func() {
		l.listen.Close()
		l.Cut()
		l.Thaw()
	})
	return l
}

func (l *Link) accept(listen net.Listener) {
	for {
		near, err := listen.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := net.Dial("tcp", l.to)
			if err != nil {
				near.Close()
				return
			}
			l.mu.Lock()
			l.conns[near], l.conns[far] = true, true
			l.mu.Unlock()
			go l.pass(near, far)
			go l.pass(far, near)
		}()
	}
}

// pass moves bytes until either end closes, which closes both.
func (l *Link) pass(to, from net.Conn) {
	defer func() {
		to.Close()
		from.Close()
		l.mu.Lock()
		delete(l.conns, to)
		delete(l.conns, from)
		l.mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.gate.RLock()
		_, written := to.Write(buffer[:n])
		l.gate.RUnlock()
		if err != nil || written != nil {
			return
		}
	}
}

// Cut breaks all connections; new ones can be made.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
}

// Sever breaks all connections, and no new ones can be made until mend is called,
// once.
func (l *Link) Sever() (mend func() error) {
	at := l.listen.Addr().String()
	l.listen.Close()
	l.Cut()
	return func() (err error) {
		if l.listen, err = net.Listen("tcp", at); err == nil {
			go l.accept(l.listen)
		}
		return err
	}
}

// Freeze keeps everything from passing, either way, without a word.
func (l *Link) Freeze() {
	l.mu.Lock()
	frozen := l.frozen
	l.frozen = true
	l.mu.Unlock()
	if !frozen {
		l.gate.Lock()
	}
}

// Thaw lets pass again what was held up.
func (l *Link) Thaw() {
	l.mu.Lock()
	frozen := l.frozen
	l.frozen = false
	l.mu.Unlock()
	if frozen {
		l.gate.Unlock()
	}
}
