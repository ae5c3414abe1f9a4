package sink

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Guard says which addresses may be connected to: public ones, and those of the
// networks that are allowed. It looks at the address that a connection is about to
// be made to, after the name was resolved, so that no answer of a name server leads
// it inside.
type Guard struct {
	Allow []netip.Prefix
	// Loopback refuses all others: what is sent there is not encrypted.
	Loopback bool
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

var (
	// never are addresses that no setting opens: where clouds hand out credentials,
	// and what is no host at all.
	never = prefixes(
		"0.0.0.0/8", "::/128", // this host, unspecified
		"169.254.0.0/16", "fe80::/10", // link-local, with 169.254.169.254
		"fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", // metadata of AWS, Alibaba, Azure, Oracle
		"224.0.0.0/4", "ff00::/8", // multicast
		"255.255.255.255/32",
	)
	// inside are the special-purpose networks (IANA's registries, RFC 6890) that are
	// not public.
	inside = prefixes(
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10",
		"192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.88.99.0/24", "240.0.0.0/4",
	)
	// global is the only part of IPv6 that is given out (RFC 4291); of it these are
	// special: Teredo and others, documentation, 6to4, which hides an IPv4 address.
	global  = netip.MustParsePrefix("2000::/3")
	special = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	// nat64 is an IPv4 address behind a translator (RFC 6052): it counts as that one.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Check refuses an address that must not be connected to.
func (g Guard) Check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	target := a
	if nat64.Contains(a) {
		b := a.As16()
		target = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case !a.IsValid(), in(never, a), in(never, target):
		return refused(a)
	case g.Loopback && !a.IsLoopback():
		return fmt.Errorf("%s is not this host, and http is not encrypted", a)
	case in(g.Allow, a):
		return nil
	case target.Is4() && !in(inside, target), target.Is6() && global.Contains(target) && !in(special, target):
		return nil
	}
	return refused(a)
}

func refused(a netip.Addr) error {
	return fmt.Errorf("%s is no public address, and ROLEGATE_AUDIT_WEBHOOK_ALLOW does not allow it", a)
}

func in(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// dialer connects to what the guard lets it.
func (g Guard) dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return g.Check(to.Addr())
	}}
}
