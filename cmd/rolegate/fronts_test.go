package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
)

// Behind what ends TLS, and adds the peer's address to what came, the shipped
// proxies tell people apart, whatever people say about themselves; and who comes
// past it is taken for nobody else.
func TestProxiesTellPeopleApart(t *testing.T) {
	for name, start := range map[string]func(*proxied, string){"caddy": (*proxied).caddy, "nginx": (*proxied).nginx} {
		t.Run(name, func(t *testing.T) {
			program(t, name)
			// A replica that answers with the address it sees, believing the proxy and
			// what is in front of it, both on 127.0.0.1.
			replica := httptest.NewUnstartedServer(middleware.ClientIPFromXFF("127.0.0.1/32")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Seen", middleware.GetClientIPAddr(r.Context()).String())
				io.WriteString(w, `{"decision":true}`)
			})))
			l, err := net.Listen("tcp", "0.0.0.0:0")
			if err != nil {
				t.Fatal(err)
			}
			replica.Listener.Close()
			replica.Listener = l
			replica.Start()
			t.Cleanup(replica.Close)
			_, port, _ := net.SplitHostPort(l.Addr().String())
			p := &proxied{t: t, hosts: []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"}, port: port, admin: port}
			address := "127.0.0.1:" + free(t)
			start(p, address)

			for _, c := range []struct{ name, peer, said, seen string }{
				{"somebody behind the front", "127.0.0.1", "198.51.100.7", "198.51.100.7"},
				{"who claims to be another", "127.0.0.1", "203.0.113.9, 10.1.2.3", "10.1.2.3"},
				{"who claims to come from the front", "127.0.0.1", "203.0.113.9, 127.0.0.1, 192.168.7.7", "192.168.7.7"},
				{"who passes the front by", "127.0.0.5", "203.0.113.9", "127.0.0.5"},
			} {
				if seen := seenFrom(t, address, c.peer, c.said); seen != c.seen {
					t.Errorf("%s: seen as %s, want %s", c.name, seen, c.seen)
				}
			}
		})
	}
}

// seenFrom is the address that a replica sees of a request from a peer.
func seenFrom(t *testing.T, address, peer, said string) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(peer), 0))}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, addr)
	}}}
	req, err := http.NewRequest("GET", "http://"+address+"/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", said)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("Seen")
}

// In docker-compose.yml each Rolegate believes the proxies in front of it, by
// their addresses, and nobody else in their networks.
func TestComposeNamesItsProxies(t *testing.T) {
	c := readCompose(t)
	front, proxy := c.Networks["outside"].gateway(t), c.Services["proxy"].Networks["inside"].IPv4
	for service, want := range map[string]string{"rolegate": front + "/32", "rolegate-1": proxy + "/32," + front + "/32"} {
		if got := c.Services[service].Environment["ROLEGATE_TRUSTED_PROXIES"]; got != want {
			t.Errorf("%s believes %s, and %s is in front", service, got, want)
		}
	}
	if got := c.Services["proxy"].Environment["FRONT"]; got != front+"/32" {
		t.Errorf("the proxy believes %s, and %s is in front", got, front)
	}
	// Where nobody chose an address none is given that a proxy has.
	inside := c.Networks["inside"].IPAM.Config[0]
	if given := netip.MustParsePrefix(inside.Range); given.Contains(netip.MustParseAddr(proxy)) || !netip.MustParsePrefix(inside.Subnet).Contains(netip.MustParseAddr(proxy)) {
		t.Errorf("%s is the proxy's, of %+v", proxy, inside)
	}
	for name, s := range c.Services {
		for _, port := range s.Ports { // or strangers might come by the gateway's address, too
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s listens at %s", name, port)
			}
		}
	}
}

func (n network) gateway(t *testing.T) string {
	t.Helper()
	if len(n.IPAM.Config) != 1 || n.IPAM.Config[0].Gateway == "" {
		t.Fatalf("no fixed gateway: %+v", n)
	}
	return n.IPAM.Config[0].Gateway
}
