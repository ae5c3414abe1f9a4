package sink

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is inside, special or a trap is refused in every spelling; what is public
// passes.
func TestGuard(t *testing.T) {
	for _, a := range strings.Fields(`
		127.0.0.1 127.1.2.3 ::1 0.0.0.0 0.1.2.3 :: 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255
		169.254.169.254 169.254.0.1 fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd12:3456::1 fd00:ec2::254 100.100.100.200 168.63.129.16
		192.0.0.192 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1 224.0.0.1 239.255.255.255
		240.0.0.1 255.255.255.255 ff02::1 ff05::2
		::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:0 ::127.0.0.1 ::10.0.0.1
		64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::100.64.0.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8
		2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 100::1 5f00::1 4000::1`) {
		if err := (Guard{}).Check(netip.MustParseAddr(a)); err == nil {
			t.Errorf("%s passes", a)
		}
	}
	for _, a := range strings.Fields(`8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 198.17.0.1 223.255.255.255
		2606:4700:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8`) {
		if err := (Guard{}).Check(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if (Guard{}).Check(netip.Addr{}) == nil {
		t.Error("no address passes")
	}
}

// A network that is allowed opens itself and nothing else; what hands out
// credentials is not opened by any.
func TestGuardAllows(t *testing.T) {
	g := Guard{Allow: prefixes("10.1.0.0/16", "fd12::/16", "127.0.0.0/8")}
	for a, pass := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd12::1": true, "fd13::1": false, "127.0.0.1": true,
		"::1": false, "64:ff9b::10.1.2.3": false, "8.8.8.8": true,
	} {
		if err := g.Check(netip.MustParseAddr(a)); (err == nil) != pass {
			t.Errorf("%s: %v", a, err)
		}
	}
	all := Guard{Allow: prefixes("0.0.0.0/0", "::/0")}
	for _, a := range []string{"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fe80::1", "100.100.100.200",
		"168.63.129.16", "fd00:ec2::254", "192.0.0.192", "0.0.0.0", "::", "224.0.0.1", "ff02::1"} {
		if all.Check(netip.MustParseAddr(a)) == nil {
			t.Errorf("%s passes where all is allowed", a)
		}
	}
	here := Guard{Allow: prefixes("127.0.0.0/8"), Loopback: true}
	if here.Check(netip.MustParseAddr("8.8.8.8")) == nil || here.Check(netip.MustParseAddr("127.0.0.1")) != nil {
		t.Error("http goes further than this host")
	}
}

// Whatever the standard library knows as not public is refused.
func TestGuardAgreesWithNetip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a netip.Addr
		if rapid.Bool().Draw(t, "v4") {
			a = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "bytes")))
		} else {
			a = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")))
		}
		u := a.Unmap()
		if (!u.IsGlobalUnicast() || u.IsPrivate()) && (Guard{}).Check(a) == nil {
			t.Errorf("%s passes", a)
		}
		if u.Is4() {
			mapped := netip.AddrFrom16(u.As16())
			if one, other := (Guard{}).Check(u), (Guard{}).Check(mapped); (one == nil) != (other == nil) {
				t.Errorf("%s: %v, and %s: %v", u, one, mapped, other)
			}
		}
	})
}
