package totp

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// now is in the middle of a step, far from any edge.
var now = time.Unix(1_800_000_015, 0)

// codeAt is the device's code for the step so many steps after now's.
func codeAt(t *testing.T, d Device, steps int) string {
	t.Helper()
	return oathtool(t, d, now.Add(time.Duration(steps*d.Period)*time.Second))
}

// tool finds a program that these tests measure us by. It is part of what the
// tests need, so its absence is a failure and never a skip.
func tool(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed to check this package against another implementation: apt-get install %s (%v)", name, debianPackage, err)
	}
	return path
}

// oathtool computes a code with the OATH Toolkit.
func oathtool(t *testing.T, d Device, at time.Time) string {
	t.Helper()
	out, err := exec.Command(tool(t, "oathtool", "oathtool"),
		"--totp="+strings.ToLower(d.Algorithm), "--base32",
		fmt.Sprintf("--digits=%d", d.Digits), fmt.Sprintf("--time-step-size=%ds", d.Period),
		"--now="+at.UTC().Format("2006-01-02 15:04:05 UTC"), base32.StdEncoding.EncodeToString(d.Secret)).Output()
	if err != nil {
		t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func mustMatch(t *testing.T, d Device, code string, at time.Time, last int64) (int64, bool) {
	t.Helper()
	step, ok, err := Match(d, code, at, State{LastStep: last}, Lenient)
	if err != nil {
		t.Fatalf("Match(%q): %v", code, err)
	}
	if !ok && step != 0 {
		t.Errorf("Match(%q) = %d, false; want 0, false", code, step)
	}
	return step, ok
}

// RFC 6238, appendix B. The secrets are the seeds of its reference program.
func TestMatchRFC6238(t *testing.T) {
	seed := func(n int) []byte { return []byte(strings.Repeat("1234567890", 7)[:n]) }
	for _, c := range []struct {
		unix                 int64
		sha1, sha256, sha512 string
	}{
		{59, "94287082", "46119246", "90693936"},
		{1111111109, "07081804", "68084774", "25091201"},
		{1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"},
		{2000000000, "69279037", "90698825", "38618901"},
		{20000000000, "65353130", "77737706", "47863826"},
	} {
		for _, d := range []struct {
			Device
			code string
		}{
			{Device{seed(20), "SHA1", 8, 30}, c.sha1},
			{Device{seed(32), "SHA256", 8, 30}, c.sha256},
			{Device{seed(64), "SHA512", 8, 30}, c.sha512},
		} {
			if step, ok := mustMatch(t, d.Device, d.code, time.Unix(c.unix, 0), 0); !ok || step != c.unix/30 {
				t.Errorf("%s at %d: Match(%s) = %d, %v; want %d, true", d.Algorithm, c.unix, d.code, step, ok, c.unix/30)
			}
		}
	}
}

func TestMatchOathtool(t *testing.T) {
	for _, d := range []Device{
		Default(NewSecret()),
		{NewSecret(), "SHA1", 6, 60},
		{NewSecret(), "SHA1", 7, 30},
		{NewSecret(), "SHA256", 6, 30},
		{append(NewSecret(), NewSecret()...), "SHA512", 8, 45},
		{NewSecret()[:16], "SHA1", 6, 30}, // base32 that would need padding
	} {
		for _, skew := range []int{-1, 0, 1} {
			code := codeAt(t, d, skew)
			want := Step(now, d.Period) + int64(skew)
			if step, ok := mustMatch(t, d, code, now, 0); !ok || step != want {
				t.Errorf("%s/%d/%d, step %+d: Match(%s) = %d, %v; want %d, true", d.Algorithm, d.Digits, d.Period, skew, code, step, ok, want)
			}
		}
		for _, skew := range []int{-3, -2, 2, 3} {
			// A fixed secret: with a random one, codes of different steps would
			// coincide and the test fail once in 10^5 runs.
			fixed := d
			fixed.Secret = bytes.Repeat([]byte("rolegate"), 4)
			if step, ok := mustMatch(t, fixed, codeAt(t, fixed, skew), now, 0); ok {
				t.Errorf("%s/%d/%d: the code of step %+d is accepted as %d", d.Algorithm, d.Digits, d.Period, skew, step)
			}
		}
		other := d
		other.Secret = NewSecret()
		if d.Digits == 8 { // by chance once in thirty million
			if _, ok := mustMatch(t, other, codeAt(t, d, 0), now, 0); ok {
				t.Error("a code of another device is accepted")
			}
		}
	}
}

func TestMatchStepsOnlyGrow(t *testing.T) {
	d := Default([]byte("12345678901234567890"))
	present := Step(now, d.Period)
	for _, c := range []struct {
		skew int
		last int64
		ok   bool
	}{
		{0, 0, true},
		{0, present - 1, true},
		{0, present, false},      // the same code again
		{-1, present, false},     // an older code that is still in its window
		{-1, present - 1, false}, //
		{-1, present - 2, true},  //
		{1, present, true},       //
		{1, present + 1, false},  //
		{0, present + 1, false},  // a phone that ran ahead and was set right
		{0, present + 1000, false},
	} {
		step, ok := mustMatch(t, d, codeAt(t, d, c.skew), now, c.last)
		if ok != c.ok || ok && step != present+int64(c.skew) {
			t.Errorf("code of step %+d after %+d: Match = %d, %v; want ok %v", c.skew, c.last-present, step, ok, c.ok)
		}
	}
}

// Two neighbouring steps with one code: it must not be good for both.
func TestMatchCoincidence(t *testing.T) {
	// Found by looking at the codes of this secret from step 60,000,000 on.
	d, at := Default([]byte("12345678901234567890")), time.Unix(62_075_368*30, 0)
	code := oathtool(t, d, at)
	if next := oathtool(t, d, at.Add(30*time.Second)); next != code {
		t.Fatalf("codes %s and %s do not coincide", code, next)
	}
	present := Step(at, d.Period)
	if step, ok := mustMatch(t, d, code, at, 0); !ok || step != present+1 {
		t.Errorf("Match = %d, %v; want the later step %d", step, ok, present+1)
	}
	if _, ok := mustMatch(t, d, code, at, present); ok {
		t.Error("a code used for one step is accepted for the next")
	}
}

func TestMatchIsStrictAboutTheCode(t *testing.T) {
	d := Default([]byte("12345678901234567890"))
	code := codeAt(t, d, 0)
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
	arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, code)
	for _, bad := range []string{
		"", " ", "      ", code + " ", " " + code, code + "\n", code + "\r\n", "\t" + code, code[:3] + " " + code[3:],
		code[:3] + "-" + code[3:], "\u00a0" + code, code + "\u200b", code + "\x00", "+" + code, "-" + code, "+" + code[1:],
		code[:5], code + "0", "0" + code, code + code, code[:5] + "\n", wide, arabic, "0x" + code[2:], "1e" + code[2:],
		code[:5] + ".", strings.Repeat("0", 1<<20), "\xff" + code[1:],
	} {
		if _, ok := mustMatch(t, d, bad, now, 0); ok {
			t.Errorf("Match(%.40q) is accepted", bad)
		}
	}
	if _, ok := mustMatch(t, d, code, now, 0); !ok {
		t.Errorf("Match(%q) is refused", code)
	}
}

func TestMatchLeadingZeros(t *testing.T) {
	d := Default([]byte("12345678901234567890"))
	opts, err := d.options()
	if err != nil {
		t.Fatal(err)
	}
	for s := Step(now, 30); ; s++ {
		code := generate(t, d, opts, s)
		if !strings.HasPrefix(code, "00") {
			continue
		}
		at := time.Unix(s*30, 0)
		if step, ok := mustMatch(t, d, code, at, 0); !ok || step != s {
			t.Errorf("Match(%q) = %d, %v; want %d, true", code, step, ok, s)
		}
		if _, ok := mustMatch(t, d, strings.TrimLeft(code, "0"), at, 0); ok {
			t.Errorf("%q is accepted without its zeros", code)
		}
		return
	}
}

// A device that is not whole matches nothing, not even what the library would
// compute for it.
func TestMatchFailsClosed(t *testing.T) {
	secret := NewSecret()
	for name, d := range map[string]Device{
		"no device":         {},
		"no secret":         {nil, "SHA1", 6, 30},
		"short secret":      {secret[:15], "SHA1", 6, 30},
		"long secret":       {make([]byte, 129), "SHA1", 6, 30},
		"no algorithm":      {secret, "", 6, 30},
		"MD5":               {secret, "MD5", 6, 30},
		"lower case":        {secret, "sha1", 6, 30},
		"no digits":         {secret, "SHA1", 0, 30},
		"one digit":         {secret, "SHA1", 1, 30},
		"nine digits":       {secret, "SHA1", 9, 30},
		"negative digits":   {secret, "SHA1", -6, 30},
		"no period":         {secret, "SHA1", 6, 0},
		"negative period":   {secret, "SHA1", 6, -30},
		"period of a month": {secret, "SHA1", 6, 30 * 24 * 3600},
	} {
		for _, code := range []string{"", "0", "000000", "328482"} { // 328482: empty secret at step 0
			if step, ok, err := Match(d, code, now, State{}, Lenient); step != 0 || ok || err == nil {
				t.Errorf("%s: Match(%q) = %d, %v, %v; want an error", name, code, step, ok, err)
			}
		}
	}
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0), time.Unix(29, 0)} {
		if _, ok, err := Match(Default(secret), "000000", at, State{}, Lenient); ok || err == nil {
			t.Errorf("at %v: Match = %v, %v; want an error", at, ok, err)
		}
	}
}

func TestMatchErrorsKeepTheSecret(t *testing.T) {
	_, _, err := Match(Device{Secret: []byte("hunter2hunter2h")}, "000000", now, State{}, Lenient)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Match: %v, want an error without the secret", err)
	}
}

func TestStep(t *testing.T) {
	for _, c := range []struct {
		unix   int64
		period int
		want   int64
	}{{0, 30, 0}, {29, 30, 0}, {30, 30, 1}, {59, 60, 0}, {60, 60, 1}, {-1, 30, -1}, {-30, 30, -1}, {-31, 30, -2}} {
		if got := Step(time.Unix(c.unix, 999_999_999), c.period); got != c.want {
			t.Errorf("Step(%d, %d) = %d, want %d", c.unix, c.period, got, c.want)
		}
	}
}

func TestNewSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := NewSecret()
		if len(s) != 20 || seen[string(s)] {
			t.Fatalf("NewSecret gives %d bytes, seen before: %v", len(s), seen[string(s)])
		}
		seen[string(s)] = true
	}
	if got := Base32([]byte("Hello!\xde\xad\xbe\xef")); got != "JBSWY3DPEHPK3PXP" { // the Key URI Format's example
		t.Errorf("Base32 = %s, want JBSWY3DPEHPK3PXP", got)
	}
	if got := Base32(make([]byte, 16)); strings.Contains(got, "=") {
		t.Errorf("Base32 = %s, with padding", got)
	}
}
