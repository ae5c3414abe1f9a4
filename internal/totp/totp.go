// Package totp checks time-based one-time passwords (RFC 6238) and hands new
// secrets to authenticator apps.
//
// It is a mechanism without memory. Match says which time step a code belongs
// to and refuses steps that are not newer than the last one used; storing the
// returned step, in one statement that requires it to be greater than the
// stored one, is the caller's part and what makes a code good for one use only
// (RFC 6238, section 5.2):
//
//	UPDATE factors SET last_step = $2 WHERE id = $1 AND last_step < $2
//
// Codes are computed with pquerna/otp. Its Validate functions are not used:
// they trim what was typed and do not tell which step matched.
package totp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// Device is what is stored of one enrolled authenticator. The parameters are
// kept with every device, so that new defaults leave old devices working.
type Device struct {
	Secret    []byte // the shared secret, decrypted
	Algorithm string // SHA1, SHA256 or SHA512
	Digits    int    // length of a code: 6 to 8
	Period    int    // seconds a step lasts: 15 to 120
}

const (
	secretSize    = 20  // RFC 4226 section 4, R6: 160 bits recommended
	minSecretSize = 16  // the same: 128 bits required
	maxSecretSize = 128 // the block of SHA-512; HMAC would hash longer ones first

	// skew is how many steps either side of the present one are accepted, for
	// clocks that differ and codes typed slowly (RFC 6238, section 5.2: one).
	skew = 1
)

// NewSecret returns 20 random bytes.
func NewSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails: crypto/rand ends the process instead
	return secret
}

// Default is a device with the only parameters that every authenticator app
// honours: SHA1, 6 digits, 30 seconds.
func Default(secret []byte) Device {
	return Device{Secret: secret, Algorithm: "SHA1", Digits: 6, Period: 30}
}

// Step is the number of the time step that contains now, counted from 1970
// (T in RFC 6238, section 4.2). The period must be positive.
func Step(now time.Time, period int) int64 {
	seconds, length := now.Unix(), int64(period)
	step := seconds / length
	if seconds%length < 0 { // division rounds towards zero
		step--
	}
	return step
}

// Match tells whether code is the device's code for the present step or one
// beside it, and for which step; lastStep is the step of the last code the
// device has used, or 0. The code must be exactly d.Digits ASCII digits.
//
// A step at or before lastStep is refused. Should neighbouring steps happen to
// share a code (once in a million), the later one counts, and a code that also
// belongs to a used step is refused, as it may be a replay.
//
// The error is a fault of the device or the clock, never of the code: a device
// whose secret is missing or whose parameters are odd matches nothing.
func Match(d Device, code string, now time.Time, lastStep int64) (step int64, ok bool, err error) {
	opts, err := d.options()
	if err != nil {
		return 0, false, fmt.Errorf("one-time password device: %w", err)
	}
	present := Step(now, d.Period)
	if present < skew {
		return 0, false, errors.New("one-time password: the clock is at or before the first step of 1970")
	}
	if !isCode(code, d.Digits) {
		return 0, false, nil
	}
	secret := Base32(d.Secret)
	used := false
	for s := present - skew; s <= present+skew; s++ { // all of them, whichever matches
		want, err := totp.GenerateCodeCustom(secret, time.Unix(s*int64(d.Period), 0), opts)
		if err != nil {
			return 0, false, fmt.Errorf("one-time password device: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = s
			used = used || s <= lastStep
		}
	}
	if step == 0 || used {
		return 0, false, nil
	}
	return step, true, nil
}

// options checks the device and gives its parameters to the library. Nothing
// is left to the library's defaults: it takes an empty secret and zero digits.
func (d Device) options() (totp.ValidateOpts, error) {
	algorithm, known := map[string]otp.Algorithm{
		"SHA1":   otp.AlgorithmSHA1,
		"SHA256": otp.AlgorithmSHA256,
		"SHA512": otp.AlgorithmSHA512,
	}[d.Algorithm]
	switch {
	case len(d.Secret) < minSecretSize || len(d.Secret) > maxSecretSize:
		return totp.ValidateOpts{}, fmt.Errorf("the secret has %d bytes, not %d to %d", len(d.Secret), minSecretSize, maxSecretSize)
	case !known:
		return totp.ValidateOpts{}, fmt.Errorf("the algorithm %q is not SHA1, SHA256 or SHA512", d.Algorithm)
	case d.Digits < 6 || d.Digits > 8:
		return totp.ValidateOpts{}, fmt.Errorf("%d digits is not 6 to 8", d.Digits)
	case d.Period < 15 || d.Period > 120:
		return totp.ValidateOpts{}, fmt.Errorf("a period of %d seconds is not 15 to 120", d.Period)
	}
	return totp.ValidateOpts{Period: uint(d.Period), Digits: otp.Digits(d.Digits), Algorithm: algorithm}, nil
}

// isCode is strict because a code that is accepted in many spellings can be
// used many times by a cache or limiter that keys on the text.
func isCode(s string, digits int) bool {
	if len(s) != digits {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Base32 spells a secret as apps expect it to be typed: without padding, which
// some of them refuse.
func Base32(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}
