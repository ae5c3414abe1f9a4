// Package reqctx carries what the log wants to know of a request beyond its
// arguments: the trace id and where it came from. Nothing that decides anything
// travels here; identity is always an argument.
package reqctx

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"unicode"
)

// Request describes the request a context belongs to.
type Request struct {
	TraceID   string // in answers, logs and the audit record alike
	Address   string // the client's address, from the peer or a proxy we named; "" for none
	UserAgent string
	Traced    bool // its parts are told to a collector, see package tracing

	failed  atomic.Bool
	receipt atomic.Pointer[Receipt]
}

// Receipt says where in the log a record is.
type Receipt struct {
	Index    int64  // from 0
	LeafHash []byte // RFC 6962, section 2.1
}

type key struct{}

// With returns a context that carries r.
func With(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, key{}, r)
}

// Context carries the Request it holds: for whoever makes one for each request,
// and wants one allocation.
type Context struct {
	context.Context
	Request Request
}

// Value gives the Request to From.
func (c *Context) Value(k any) any {
	if k == (key{}) {
		return &c.Request
	}
	return c.Context.Value(k)
}

// From returns the request of ctx, or an empty one.
func From(ctx context.Context) *Request {
	if r, ok := ctx.Value(key{}).(*Request); ok {
		return r
	}
	return &Request{}
}

// MarkFailed notes that the log has an entry which says that the request failed.
// One of what the request did before, such as what it read, does not.
func (r *Request) MarkFailed() { r.failed.Store(true) }

// MarkWell takes MarkFailed back: what failed was not what the request is about,
// which goes on without it.
func (r *Request) MarkWell() { r.failed.Store(false) }

// Failed tells whether the log has an entry which says that the request failed.
func (r *Request) Failed() bool { return r.failed.Load() }

// Apart gives a context of the same request in which an entry is about it, and does not
// stand for what becomes of it: it marks nothing and leaves no receipt.
func Apart(ctx context.Context) context.Context {
	r := From(ctx)
	return With(ctx, &Request{TraceID: r.TraceID, Address: r.Address, UserAgent: r.UserAgent, Traced: r.Traced})
}

// SetReceipt notes where the request's entry is.
func (r *Request) SetReceipt(at *Receipt) { r.receipt.Store(at) }

// Receipt says where the request's last entry is; nil where that is not known,
// because it is written behind the answer or belongs to a change.
func (r *Request) Receipt() *Receipt { return r.receipt.Load() }

// Network is the network the address is in, which says where somebody is without
// saying who: the /24 of an IPv4 address, the /64 of an IPv6 one. "" for none.
func (r *Request) Network() string {
	a, err := netip.ParseAddr(r.Address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // such an address has so many bits
	return p.String()
}

// maxAgent bounds what is kept of a User-Agent, in bytes.
const maxAgent = 256

// Agent is the User-Agent as it can be stored and shown: short, valid UTF-8
// without control characters.
func (r *Request) Agent() string {
	agent := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(r.UserAgent, ""))
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	return strings.Clone(agent)
}
