// Package totp checks time-based one-time passwords (RFC 6238) and hands new
// secrets to authenticator apps.
//
// It is a mechanism without memory. Match says which time step a code belongs
// to and refuses steps that are not newer than the last one used; storing the
// returned step and the drift learned from it, in one statement that requires
// the step to be greater than the stored one, is the caller's part and what makes
// a code good for one use only (RFC 6238, section 5.2):
//
//	UPDATE factors SET last_step = $2, drift = $3 WHERE id = $1 AND last_step < $2
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

	// skew is how many steps either side of the expected one are accepted, for
	// clocks that differ and codes typed slowly (RFC 6238, section 5.2: one).
	skew = 1
	// maxDrift is how far from the present step the expected one may be learned
	// to be (RFC 6238, section 6).
	maxDrift = 2
	reach    = maxDrift + skew // no step further away is ever accepted
)

// State is what is stored of a device's use; the zero value is that of one not
// used yet.
type State struct {
	LastStep int64 // step of the last code that was used
	Drift    int64 // steps the device was ahead of us at that time; below zero it was behind
	Told     int64 // a step whose code Off gave away, and which is refused for that
}

// Window says which steps are accepted.
type Window bool

const (
	// Strict is the present step and, since typing takes time, the one before it.
	Strict Window = false
	// Lenient is the step that is expected by the device's drift and one either
	// side, and the present step, so that a clock that was set right works at once.
	Lenient Window = true
)

func (w Window) has(step, present, drift int64) bool {
	if w == Strict {
		return step == present || step == present-1
	}
	expected := present + clamp(drift)
	return step == present || expected-skew <= step && step <= expected+skew
}

// Learn is the drift to store with a step that was accepted now.
func (w Window) Learn(d Device, step int64, now time.Time) int64 {
	if w == Strict {
		return 0
	}
	return clamp(step - Step(now, d.Period))
}

func clamp(drift int64) int64 { return min(max(drift, -maxDrift), maxDrift) }

// Oldest is the first step that a window may have now or later.
func Oldest(now time.Time, period int) int64 { return Step(now, period) - reach }

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

// Match tells whether code is the device's code for a step of the window, and for
// which. The code must be exactly d.Digits ASCII digits.
//
// A step at or before the last one used, or one that was told, is refused. Should
// steps of the window happen to share a code (once in a million), the latest
// counts, and a code that also belongs to a refused step is refused, as it may be
// a replay.
//
// The error is a fault of the device or the clock, never of the code: a device
// whose secret is missing or whose parameters are odd matches nothing.
func Match(d Device, code string, now time.Time, st State, w Window) (step int64, ok bool, err error) {
	codes, err := d.codes(now)
	if err != nil || !isCode(code, d.Digits) {
		return 0, false, err
	}
	present := Step(now, d.Period)
	refused := false
	for s := max(present-reach, 1); s <= present+reach; s++ { // all of them, whichever matches
		same, err := codes.equal(s, code)
		if err != nil {
			return 0, false, err
		}
		if same && w.has(s, present, st.Drift) {
			step = s
			refused = refused || s <= st.LastStep || s == st.Told
		}
	}
	if step == 0 || refused {
		return 0, false, nil
	}
	return step, true, nil
}

// OffReach is how far a clock may be off for Off to find it.
const OffReach = 10 * time.Minute

// Off tells of a code that Match refuses how far the clock that made it is off,
// give or take half a period, and the code's step; below zero the clock is slow.
// It is not ok for a code of no step within OffReach, of one that was used or
// told, or that the window has.
//
// A step of the future is a secret yet: before anybody is told of it, it has to
// be stored as State.Told, or whoever guesses codes would learn that one of
// them will be right.
func Off(d Device, code string, now time.Time, st State, w Window) (off time.Duration, step int64, ok bool, err error) {
	codes, err := d.codes(now)
	if err != nil || !isCode(code, d.Digits) {
		return 0, 0, false, err
	}
	present, steps := Step(now, d.Period), int64(OffReach/time.Second)/int64(d.Period)
	for s := max(present-steps, 1); s <= present+steps; s++ {
		same, err := codes.equal(s, code)
		if err != nil {
			return 0, 0, false, err
		}
		if !same {
			continue
		}
		if s <= st.LastStep || s == st.Told || w.has(s, present, st.Drift) {
			return 0, 0, false, nil
		}
		if step == 0 || distance(s, present) < distance(step, present) {
			step = s
		}
	}
	if step == 0 {
		return 0, 0, false, nil
	}
	middle := time.Unix(step*int64(d.Period), 0).Add(time.Duration(d.Period) * time.Second / 2)
	return middle.Sub(now).Round(time.Second), step, true, nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// codes computes a device's codes.
type codes struct {
	secret string
	period int
	opts   totp.ValidateOpts
}

func (d Device) codes(now time.Time) (codes, error) {
	opts, err := d.options()
	if err != nil {
		return codes{}, fmt.Errorf("one-time password device: %w", err)
	}
	if Step(now, d.Period) < 1 {
		return codes{}, errors.New("one-time password: the clock is at or before the first step of 1970")
	}
	return codes{Base32(d.Secret), d.Period, opts}, nil
}

// equal compares in constant time.
func (c codes) equal(step int64, code string) (bool, error) {
	want, err := totp.GenerateCodeCustom(c.secret, time.Unix(step*int64(c.period), 0), c.opts)
	if err != nil {
		return false, fmt.Errorf("one-time password device: %w", err)
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1, nil
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
