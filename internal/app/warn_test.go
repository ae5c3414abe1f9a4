package app

import (
	"log/slog"
	"strings"
	"testing"
)

// An address at which people cannot use the pages is told of at the start.
func TestWarnsOfPages(t *testing.T) {
	for issuer, want := range map[string]string{
		"http://localhost:8080":         "",
		"http://127.0.0.1":              "",
		"https://gate.example.com":      "",
		"http://gate.example.com":       "cannot log in by the pages",
		"http://gate.example.com:8080":  "cannot log in by the pages",
		"https://gate.example.com/base": "the root of a host",
	} {
		var said strings.Builder
		a := &App{Logger: slog.New(slog.NewTextHandler(&said, nil)), Config: Config{
			Issuer: issuer, Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", DatabaseURL: "postgres://", MaxConnections: 16,
		}}
		a.warn()
		if want == "" && said.Len() > 0 || !strings.Contains(said.String(), want) {
			t.Errorf("%s: %q", issuer, said.String())
		}
	}
}

// Who names a whole network as its proxy is told what that means.
func TestWarnsOfWideProxies(t *testing.T) {
	for networks, warns := range map[string]bool{
		"10.0.0.5/32": false, "10.0.0.0/28": false, "fd00::5/128": false, "127.0.0.0/8": false, "104.16.0.0/13": false,
		"10.0.0.0/8": true, "192.168.1.0/24": true, "0.0.0.0/0": true, "fd00::/64": true, "10.0.0.5/32,172.16.0.0/12": true,
	} {
		var said strings.Builder
		a := &App{Logger: slog.New(slog.NewTextHandler(&said, nil)), Config: Config{TrustedProxies: strings.Split(networks, ","),
			Issuer: "https://gate.example.com", Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", DatabaseURL: "postgres://", MaxConnections: 16,
		}}
		a.warn()
		if got := strings.Contains(said.String(), "whole private networks"); got != warns {
			t.Errorf("%s: %q", networks, said.String())
		}
	}
}
