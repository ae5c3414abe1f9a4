package browser

import (
	"encoding/base64"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Scan reads the QR code that a page shows, as a phone does, by a program that
// shares no code with the service.
func Scan(t testing.TB, picture string) (address *url.URL) {
	t.Helper()
	encoded, found := strings.CutPrefix(picture, "data:image/png;base64,")
	png, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !found {
		t.Fatalf("the picture is %.40s: %v", picture, err)
	}
	file := filepath.Join(t.TempDir(), "qr.png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil {
		t.Fatalf("zbarimg (Debian package zbar-tools): %v", err)
	}
	if address, err = url.Parse(strings.TrimSpace(string(out))); err != nil {
		t.Fatal(err)
	}
	return address
}
