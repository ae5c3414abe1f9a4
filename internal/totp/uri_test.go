package totp

import (
	"bytes"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pquerna/otp/totp"
)

// generate is the library's code for a step, where oathtool would be too slow.
func generate(t interface {
	Helper()
	Fatal(...any)
}, d Device, opts totp.ValidateOpts, step int64) string {
	t.Helper()
	code, err := totp.GenerateCodeCustom(Base32(d.Secret), time.Unix(step*int64(d.Period), 0), opts)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

var hostile = []string{
	"", "alice", "alice@example.com", "Rolegate CRM", "a&secret=AAAAAAAAAAAAAAAA", "a?secret=AAAA#", "a%26secret%3DAAAA", "a#b",
	"a+b", "a:b", "a%3Ab", "a/../b", "a\\b", "a;secret=AAAA", "100%", "a=b", "\"<script>'", "a\r\nX-Header: 1", "a\x00b", "\xff\xfe",
	"客户关系管理系统", "张三", "🔑", "alice\u202egnp.exe", "a\u2028b", strings.Repeat("密", 100), strings.Repeat("&", 200), strings.Repeat("x", 63) + "密", " alice ", "//evil.example/", "@evil.example",
}

// checkURI asserts that a URI says what we meant and nothing else.
func checkURI(t *testing.T, issuer, account string) string {
	t.Helper()
	d := Default([]byte("12345678901234567890"))
	uri := URI(issuer, account, d)
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("+#\"<>\\", c) >= 0 {
			t.Errorf("URI(%q, %q) = %q has the bare character %q", issuer, account, uri, c)
		}
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatalf("URI(%q, %q) = %q: %v", issuer, account, uri, err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		t.Errorf("URI(%q, %q) = %q reads as %#v", issuer, account, uri, u)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		t.Fatalf("URI(%q, %q) = %q: %v", issuer, account, uri, err)
	}
	want := map[string]string{"secret": Base32(d.Secret), "algorithm": "SHA1", "digits": "6", "period": "30"}
	wantLabel := labelText(account)
	if i := labelText(issuer); i != "" {
		want["issuer"] = i
		wantLabel = i + ":" + wantLabel
	}
	if len(q) != len(want) {
		t.Errorf("URI(%q, %q) = %q has the parameters %v", issuer, account, uri, q)
	}
	for name, value := range want {
		if len(q[name]) != 1 || q.Get(name) != value {
			t.Errorf("URI(%q, %q): %s = %q, want %q alone", issuer, account, name, q[name], value)
		}
	}
	if u.Path != "/"+wantLabel {
		t.Errorf("URI(%q, %q): the label reads %q, want %q", issuer, account, u.Path, "/"+wantLabel)
	}
	if colons := strings.Count(u.Path, ":"); colons > 1 {
		t.Errorf("URI(%q, %q): %d colons in the label %q", issuer, account, colons, u.Path)
	}
	for _, part := range []string{labelText(issuer), labelText(account)} {
		if len(part) > maxLabel || !utf8.ValidString(part) {
			t.Errorf("URI(%q, %q): the part %q is too long or cut inside a character", issuer, account, part)
		}
	}
	return uri
}

func TestURI(t *testing.T) {
	for _, issuer := range hostile {
		for _, account := range hostile {
			checkURI(t, issuer, account)
		}
	}
	for _, c := range []struct{ issuer, account, want string }{
		{"ACME Co", "john.doe@email.com", "otpauth://totp/ACME%20Co:john.doe%40email.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=ACME%20Co&algorithm=SHA256&digits=8&period=60"},
		{"a:b", "c:d", "otpauth://totp/a-b:c-d?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=a-b&algorithm=SHA256&digits=8&period=60"},
		{"", "ann", "otpauth://totp/ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA256&digits=8&period=60"},
	} {
		d := Device{[]byte("Hello!\xde\xad\xbe\xefHello!\xde\xad\xbe\xef"), "SHA256", 8, 60}
		if got := URI(c.issuer, c.account, d); got != c.want {
			t.Errorf("URI(%q, %q) =\n%s, want\n%s", c.issuer, c.account, got, c.want)
		}
	}
}

func FuzzURI(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "alice")
		f.Add("Rolegate", s)
	}
	f.Fuzz(func(t *testing.T, issuer, account string) { checkURI(t, issuer, account) })
}

// scan reads a QR code with another program.
func scan(t *testing.T, picture []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "qr.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool(t, "zbarimg", "zbar-tools"), "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil {
		t.Fatalf("zbarimg: %v", err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func TestQR(t *testing.T) {
	d := Default([]byte("12345678901234567890"))
	big := Device{bytes.Repeat([]byte{0xa5}, maxSecretSize), "SHA512", 8, 60}
	for name, uri := range map[string]string{
		"usual":   URI("Rolegate", "alice@example.com", d),
		"Chinese": URI("客户关系管理系统", "张三", d),
		"hostile": URI("a&secret=AAAA", "%:+#\x00", d),
		"longest": URI(strings.Repeat("密", 100), strings.Repeat("&", 200), big),
		"short":   "otpauth://totp/a",
	} {
		picture, err := QR(uri)
		if err != nil {
			t.Errorf("%s: QR: %v", name, err)
			continue
		}
		if got := scan(t, picture); got != uri {
			t.Errorf("%s: the code reads\n%s, want\n%s", name, got, uri)
		}
		img, err := png.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() < 256 || b.Dx() != b.Dy() || b.Dx() > 1024 {
			t.Errorf("%s: the picture is %v", name, b)
		}
		if r, _, _, _ := img.At(1, 1).RGBA(); r != 0xffff {
			t.Errorf("%s: no white border", name)
		}
		if len(picture) > 16<<10 {
			t.Errorf("%s: the picture has %d bytes", name, len(picture))
		}
	}
}

// One URI for each version of QR code we can meet, so that no size is cut off.
func TestQROfEveryLength(t *testing.T) {
	for n := 10; n <= 2310; n += 115 {
		uri := fmt.Sprintf("otpauth://totp/%s", strings.Repeat("x", n))
		picture, err := QR(uri)
		if err != nil {
			t.Fatalf("%d characters: %v", n, err)
		}
		if got := scan(t, picture); got != uri {
			t.Errorf("%d characters: the code reads %q", n, got)
		}
	}
}

func TestQRRefuses(t *testing.T) {
	for _, uri := range []string{"otpauth://totp/" + strings.Repeat("x", 5000), "otpauth://[", "\x7f"} {
		if picture, err := QR(uri); err == nil || picture != nil {
			t.Errorf("QR(%.20q…): %d bytes, %v; want an error", uri, len(picture), err)
		}
	}
}
