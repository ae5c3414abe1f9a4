package throttle

import "net/netip"

// Address is the address that tries from addr are counted under: an IPv4
// address, or the /64 of an IPv6 address, which is what one customer has. What is
// no address is counted together.
func Address(addr string) string { return prefix(addr, 32) }

// Network is Address, but for IPv4 the /24: whoever has one address of it may
// well have others.
func Network(addr string) string { return prefix(addr, 24) }

// Site is the /48 of an IPv6 address, "" for any other: a customer may have that many /64,
// 65,536, and so may many customers of a carrier, so what a site is let do is a multiple of
// what an address is, see SiteTimes.
func Site(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return ""
	}
	return netip.PrefixFrom(ip.WithZone(""), 48).Masked().String()
}

// SiteTimes is how much of what one address may do all of a site's may together.
const SiteTimes = 16

// ForSite is the bucket of a site, for that of an address.
func (b Bucket) ForSite() Bucket { return Bucket{Size: SiteTimes * b.Size, Every: b.Every / SiteTimes} }

func prefix(addr string, bits4 int) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = bits4
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}
