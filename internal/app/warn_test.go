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
