package app

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lookAgain is how often at most the files of the certificate are looked at.
const lookAgain = 5 * time.Second

// certificate is what the public listener shows who it is. Its files are read
// again when they change: whoever renews it has nothing to restart and nobody to
// signal. A pair that does not hold leaves the one before in its place.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger
	now               func() time.Time

	mu     sync.Mutex
	looked time.Time
	seen   [2]version // of the files, as the last look found them
	pair   *tls.Certificate
	broken error // why what the files hold is not what is shown
}

// version tells a file from what it was before. Renewing programs replace a file
// or a link to it, so the file's identity counts beside its age.
type version struct {
	info fs.FileInfo
	err  string
}

func (v version) same(w version) bool {
	if v.info == nil || w.info == nil {
		return v.info == nil && w.info == nil && v.err == w.err
	}
	return os.SameFile(v.info, w.info) && v.info.ModTime().Equal(w.info.ModTime()) && v.info.Size() == w.info.Size() && v.info.Mode() == w.info.Mode()
}

func versionOf(path string) version {
	info, err := os.Stat(path)
	if err != nil {
		return version{err: err.Error()}
	}
	return version{info: info}
}

// openCertificate reads the pair. Its errors name the setting to mend.
func openCertificate(c Config, logger *slog.Logger, now func() time.Time) (*certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	crt := &certificate{certFile: c.TLSCert, keyFile: c.TLSKey, logger: logger, now: now}
	crt.look()
	return crt, crt.broken
}

// current is the pair to show. It is called at each handshake, and whenever the
// metrics are read, so that a broken pair is found out on a quiet day, too.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := c.now().Sub(c.looked); age < 0 || age >= lookAgain {
		c.look()
	}
	return c.pair
}

// look reads the pair again if its files are others, or did not hold the last
// time: they may have been read in the middle of being replaced. They are looked
// at before they are read, so that a change in between is found the next time.
func (c *certificate) look() {
	c.looked = c.now()
	found := [2]version{versionOf(c.certFile), versionOf(c.keyFile)}
	changed := !found[0].same(c.seen[0]) || !found[1].same(c.seen[1])
	if !changed && c.broken == nil {
		return
	}
	c.seen = found
	pair, err := readPair(c.certFile, c.keyFile, c.now())
	c.broken = err
	switch {
	case err == nil:
		if c.pair != nil {
			c.logger.Info("the certificate was renewed", "expires", pair.Leaf.NotAfter)
		}
		c.pair = pair
	case changed && c.pair != nil:
		c.logger.Error("the certificate's files cannot be used; the one before stays in use", "error", err, "expires", c.pair.Leaf.NotAfter)
	}
}

// readPair reads a certificate with its key, and makes sure that they belong
// together, that others cannot read the key, and that clients will take it now.
func readPair(certFile, keyFile string, now time.Time) (*tls.Certificate, error) {
	chain, err := os.ReadFile(certFile)
	if err != nil {
		return nil, settingError("ROLEGATE_TLS_CERT: cannot read %s: %v", certFile, cause(err))
	}
	key, err := readTLSKey(keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, settingError("ROLEGATE_TLS_CERT %s and ROLEGATE_TLS_KEY %s are not a certificate and its key in PEM: %v", certFile, keyFile, err)
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, settingError("ROLEGATE_TLS_CERT: the certificate in %s has expired (%s)", certFile, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Add(leeway).Before(leaf.NotBefore):
		return nil, settingError("ROLEGATE_TLS_CERT: the certificate in %s is not valid yet (%s)", certFile, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return &pair, nil
}

// readTLSKey reads a key its owner, and at most its group, may read: certificates
// are renewed by other programs, which hand keys over by a group. Others may not,
// and nobody but the owner may replace it.
func readTLSKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o027 != 0 {
		return nil, settingError("ROLEGATE_TLS_KEY: %s is open to other users (mode %04o); run \"chmod 600 %s\", or 640 for a group", path, info.Mode().Perm(), path)
	}
	key, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr); err != nil {
		return nil, settingError("ROLEGATE_TLS_KEY: cannot read %s: %v", path, cause(err))
	}
	return key, nil
}

// config is for the public listener: TLS 1.2 with forward secrecy and
// authenticated encryption only, TLS 1.3, and HTTP/2 as net/http has it, which
// it is told of here because it does not speak TLS itself.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all fit
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

// register registers what operators see of the certificate; without TLS both
// stay at 0.
func (c *certificate) register(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if c == nil {
				return 0
			}
			return value()
		}))
	}
	gauge("rolegate_tls_certificate_expiry_seconds", "When the certificate in use expires, in Unix time; 0 without TLS.", func() float64 {
		return float64(c.current().Leaf.NotAfter.Unix())
	})
	gauge("rolegate_tls_certificate_broken", "1 while the certificate's files hold what cannot be used, and the one before is.", func() float64 {
		c.current()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.broken != nil {
			return 1
		}
		return 0
	})
}
