package framing

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// open listens with TLS, with the certificate of package httptest.
func open(t *testing.T, timeout time.Duration, set func(*tls.Config)) (l net.Listener, client *tls.Config, failures chan error) {
	t.Helper()
	own := httptest.NewUnstartedServer(nil)
	own.StartTLS()
	t.Cleanup(own.Close)
	pool := x509.NewCertPool()
	pool.AddCert(own.Certificate())
	config := &tls.Config{Certificates: own.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	if set != nil {
		set(config)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failures = make(chan error, 10)
	l = ListenTLS(ln, config, timeout, func(_ net.Addr, err error) { failures <- err })
	t.Cleanup(func() { l.Close() })
	return l, &tls.Config{RootCAs: pool, ServerName: "example.com"}, failures
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func TestProtocols(t *testing.T) {
	l, client, _ := open(t, time.Minute, nil)
	silent := dial(t, l) // keeps nobody waiting
	defer silent.Close()
	for protocol, follows := range map[string]bool{"h2": false, "http/1.1": true, "": true} {
		config := client.Clone()
		if protocol != "" {
			config.NextProtos = []string{protocol}
		}
		theirs := tls.Client(dial(t, l), config)
		done := make(chan error, 1)
		go func() { done <- theirs.Handshake() }()
		c, err := l.Accept()
		if err = errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		_, isTLS := c.(*tls.Conn) // which net/http wants of HTTP/2
		stated, ok := c.(interface{ ConnectionState() tls.ConnectionState })
		_, isFollowed := Context(t.Context(), c).Value(key{}).(*Conn)
		if isTLS == follows || isFollowed != follows || !ok || !stated.ConnectionState().HandshakeComplete {
			t.Errorf("%q: %T, followed %v", protocol, c, isFollowed)
		}
	}
}

func TestHandshakesThatComeToNothing(t *testing.T) {
	l, _, failures := open(t, 50*time.Millisecond, nil)
	silent := dial(t, l)
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("who says nothing: %v", err)
	}
	if err := <-failures; !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Errorf("who says nothing: %v", err)
	}

	l, client, failures := open(t, time.Minute, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("a fault of ours") }
	})
	plain := dial(t, l)
	io.WriteString(plain, "GET / HTTP/1.1\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(plain), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("without TLS: %v, %v", resp, err)
	}
	<-failures
	if err := tls.Client(dial(t, l), client).Handshake(); err == nil {
		t.Error("there is a handshake")
	}
	if err := <-failures; !strings.Contains(err.Error(), "a fault of ours") {
		t.Errorf("a panic is told as %v", err)
	}
}

func TestClosing(t *testing.T) {
	l, client, failures := open(t, time.Minute, nil)
	silent := dial(t, l)
	begun := tls.Client(dial(t, l), client) // done, but nobody accepts it
	if err := begun.Handshake(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted after closing: %v", err)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a handshake outlasts its listener")
	}
	if _, err := begun.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that nobody accepted stays")
	}
	if err := <-failures; err == nil {
		t.Error("it is told as nothing")
	}
}

// broken cannot accept for a while, as when there are no files left.
type broken struct {
	net.Listener
	errs chan error
}

func (b broken) Accept() (net.Conn, error) {
	select {
	case err := <-b.errs:
		return nil, err
	default:
		return b.Listener.Accept()
	}
}

func TestErrorsOfListeners(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 2)
	first, second := errors.New("first"), errors.New("second")
	errs <- first
	errs <- second
	l := ListenTLS(broken{ln, errs}, &tls.Config{}, time.Minute, func(net.Addr, error) {})
	for _, want := range []error{first, second} {
		if _, err := l.Accept(); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	l.Close()
}
