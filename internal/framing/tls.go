package framing

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// ListenTLS speaks TLS on the connections of ln, which end if the handshake takes
// longer than timeout, and follows those that speak HTTP/1. Those that speak HTTP/2
// are handed on as they are, as net/http wants them: there a request's length is
// not said in its header. net/http follows no TLS itself, so the handshake is here.
// failed is told of each that comes to nothing.
//
// How many handshakes there are at once is the business of ln.
func ListenTLS(ln net.Listener, config *tls.Config, timeout time.Duration, failed func(peer net.Addr, err error)) net.Listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &tlsListener{Listener: ln, config: config, timeout: timeout, failed: failed,
		ctx: ctx, cancel: cancel, ready: make(chan net.Conn), broken: make(chan error)}
	go l.accept()
	return l
}

type tlsListener struct {
	net.Listener
	config  *tls.Config
	timeout time.Duration
	failed  func(peer net.Addr, err error)

	ctx    context.Context // until the listener is closed; its handshakes end with it
	cancel context.CancelFunc
	ready  chan net.Conn
	broken chan error
}

// Accept waits for the next connection whose handshake is done.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.broken:
		return nil, err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close also ends the handshakes that are under way.
func (l *tlsListener) Close() error {
	l.cancel()
	return l.Listener.Close()
}

// accept hands each error to whoever accepts, who knows how long to wait after it.
func (l *tlsListener) accept() {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			go l.begin(c)
			continue
		}
		select {
		case l.broken <- err:
		case <-l.ctx.Done():
			return
		}
	}
}

// begin makes a connection ready, or closes it.
func (l *tlsListener) begin(raw net.Conn) {
	c, err := l.handshake(raw)
	if err != nil {
		l.failed(raw.RemoteAddr(), err)
		raw.Close()
		return
	}
	select {
	case l.ready <- c:
	case <-l.ctx.Done():
		raw.Close()
	}
}

func (l *tlsListener) handshake(raw net.Conn) (_ net.Conn, err error) {
	defer func() { // as net/http does: one connection is not the whole service
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	raw.SetDeadline(time.Now().Add(l.timeout))
	c := tls.Server(raw, l.config)
	if err := c.HandshakeContext(l.ctx); err != nil {
		var bad tls.RecordHeaderError
		if errors.As(err, &bad) && bad.Conn != nil && looksLikeHTTP(bad.RecordHeader) {
			io.WriteString(raw, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		return nil, err
	}
	raw.SetDeadline(time.Time{})
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		return c, nil
	}
	return &tlsConn{Conn: Conn{Conn: c}, tls: c}, nil
}

// looksLikeHTTP tells whether what should begin a TLS record begins a request.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}

// tlsConn is a Conn that net/http knows to be TLS.
type tlsConn struct {
	Conn
	tls *tls.Conn
}

// ConnectionState becomes http.Request.TLS.
func (c *tlsConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }
