package throttle

import "net/netip"

// Address is the address that tries from addr are counted under: an IPv4
// address, or the /64 of an IPv6 address, which is what one customer has. What is
// no address is counted together.
func Address(addr string) string { return prefix(addr, 32) }

// Network is Address, but for IPv4 the /24: whoever has one address of it may
// well have others.
func Network(addr string) string { return prefix(addr, 24) }

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
