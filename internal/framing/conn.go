package framing

import (
	"context"
	"net"
)

// Conn is a connection whose requests are followed.
type Conn struct {
	net.Conn
	follower follower
}

// Read follows what it reads. net/http reads from one goroutine at a time, and
// hands over from one to the next.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.follower.follow(p[:n])
	return n, err
}

// NetConn is the connection beneath, as of a tls.Conn.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// CloseWrite lets net/http end an answer so that it arrives although the rest of
// the request is not read.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *Conn) followed() *Conn { return c }

// Listen follows the connections of ln.
func Listen(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

type key struct{}

// Context is a server's http.Server.ConnContext: TwoLengths finds the connection
// in what it returns.
func Context(ctx context.Context, c net.Conn) context.Context {
	if f, ok := c.(interface{ followed() *Conn }); ok {
		return context.WithValue(ctx, key{}, f.followed())
	}
	return ctx
}

// TwoLengths tells whether the request of ctx, a connection's last, says its length
// in two ways. Others may not ask: it could be the next of which it tells.
func TwoLengths(ctx context.Context) bool {
	c, ok := ctx.Value(key{}).(*Conn)
	return ok && c.follower.twice
}
