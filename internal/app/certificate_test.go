package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rolegate/model"
)

// pair is a certificate and its key, in PEM.
type pair struct{ cert, key []byte }

func newPair(t *testing.T, name string, from, until time.Time) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// replace puts a file in another's place, as renewing programs do.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	c := Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	now := time.Now()
	valid := func(name string) pair { return newPair(t, name, now.Add(-time.Hour), now.Add(24*time.Hour)) }
	first := valid("first")
	replace(t, c.TLSCert, first.cert)
	replace(t, c.TLSKey, first.key)
	var logs bytes.Buffer
	crt, err := openCertificate(c, slog.New(slog.NewJSONHandler(&logs, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		shown, err := crt.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return shown.Leaf.Subject.CommonName
	}
	lines := func(level slog.Level) (n int) {
		for line := range bytes.Lines(logs.Bytes()) {
			var m map[string]any
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
			if m["level"] == level.String() {
				n++
			}
		}
		return n
	}
	if got := shown(); got != "first" {
		t.Fatalf("%s is shown", got)
	}

	second := valid("second")
	replace(t, c.TLSCert, second.cert)
	if got := shown(); got != "first" { // too early to look
		t.Errorf("%s is shown", got)
	}
	for range 3 { // half of the pair is there: the old one stays, and that is told once
		now = now.Add(lookAgain)
		if got := shown(); got != "first" || crt.broken == nil || lines(slog.LevelError) != 1 {
			t.Errorf("%s is shown, %v, %s", got, crt.broken, logs.String())
		}
	}
	replace(t, c.TLSKey, second.key)
	now = now.Add(lookAgain)
	if got := shown(); got != "second" || crt.broken != nil || lines(slog.LevelInfo) != 1 {
		t.Errorf("%s is shown, %v, %s", got, crt.broken, logs.String())
	}

	// Nothing that cannot be used takes the place of what can.
	for what, spoil := range map[string]func(){
		"no PEM":        func() { replace(t, c.TLSCert, []byte("hello")) },
		"empty":         func() { replace(t, c.TLSCert, nil) },
		"gone":          func() { os.Remove(c.TLSKey) },
		"another's key": func() { replace(t, c.TLSKey, valid("third").key) },
		"expired": func() {
			old := newPair(t, "expired", now.Add(-2*time.Hour), now.Add(-time.Minute))
			replace(t, c.TLSCert, old.cert)
			replace(t, c.TLSKey, old.key)
		},
		"not yet": func() {
			early := newPair(t, "early", now.Add(time.Hour), now.Add(2*time.Hour))
			replace(t, c.TLSCert, early.cert)
			replace(t, c.TLSKey, early.key)
		},
		"open to all": func() { os.Chmod(c.TLSKey, 0o644) },
	} {
		spoil()
		now = now.Add(lookAgain)
		if got := shown(); got != "second" || crt.broken == nil {
			t.Errorf("%s: %s is shown, %v", what, got, crt.broken)
		}
		replace(t, c.TLSCert, second.cert)
		replace(t, c.TLSKey, second.key)
		now = now.Add(lookAgain)
		if got := shown(); got != "second" || crt.broken != nil {
			t.Errorf("mended after %s: %s is shown, %v", what, got, crt.broken)
		}
	}
	if strings.Contains(logs.String(), "PRIVATE") || strings.Contains(logs.String(), "hello") {
		t.Errorf("the log tells what the files hold: %s", logs.String())
	}
}

func TestTLSKeyOfOthers(t *testing.T) {
	dir := t.TempDir()
	c := Config{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	p := newPair(t, "gate", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	replace(t, c.TLSCert, p.cert)
	replace(t, c.TLSKey, p.key)
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o640: true, 0o644: false, 0o604: false, 0o660: false, 0o666: false, 0o602: false, 0o601: false} {
		if err := os.Chmod(c.TLSKey, mode); err != nil {
			t.Fatal(err)
		}
		_, err := openCertificate(c, slog.New(slog.DiscardHandler), time.Now)
		if (err == nil) != good {
			t.Errorf("%04o: %v", mode, err)
		}
		if err != nil && (model.CodeOf(err) != model.CodeSettingInvalid || !strings.Contains(err.Error(), "ROLEGATE_TLS_KEY")) {
			t.Errorf("%04o: %v does not say what to mend", mode, err)
		}
	}
}
