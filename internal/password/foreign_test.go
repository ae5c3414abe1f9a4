package password

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"rolegate/model"
)

// Hashes that others made: crypt_blowfish's own test, and Python's hashlib in the
// forms of passlib, of PHC strings and of Django.
const (
	bcryptOfOthers = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"                           // U*U
	passlib        = "$pbkdf2-sha256$6400$....................eA$bko2T2cewweXW99vFZK5zRmEBu56gwLmPOKroYT.Jjw" // password
	sha512PHC      = "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$vgFvU7zWIDgDAUi7d8ayt+cfRiPWVVWfv8iQRsGZaZviWzsSNgWYXEE5PmvI/VELMsOmEbqLz0PKuePNjOk41A"
	django         = "pbkdf2_sha256$1000$seasalt2seasalt2$7tOmXNECT3ZvqRbXj1HZri8BVCNnFECoqTER7w5tXpM=" // lètmein
)

func argon2iOf(password string) string {
	h := hash{params: cheap, salt: []byte("0123456789abcdef")}
	h.key = argon2.Key([]byte(password), h.salt, h.params.Iterations, h.params.MemoryKiB, h.params.Parallelism, keySize)
	return strings.Replace(h.String(), "$argon2id$", "$argon2i$", 1)
}

func TestHashesOfOtherSystems(t *testing.T) {
	for _, c := range []struct{ stored, password string }{
		{bcryptOfOthers, "U*U"},
		{strings.Replace(bcryptOfOthers, "$2a$", "$2b$", 1), "U*U"},
		{strings.Replace(bcryptOfOthers, "$2a$", "$2y$", 1), "U*U"},
		{passlib, "password"},
		{strings.Replace(passlib, "$6400$", "$i=6400$", 1), "password"},
		{strings.Replace(passlib, "$6400$", "$i=6400,l=32$", 1), "password"},
		{sha512PHC, "secret"},
		{django, "lètmein"},
		{argon2iOf("secret"), "secret"},
	} {
		h := New(cheap, 1, 0)
		if err := Importable(c.stored); err != nil {
			t.Errorf("Importable(%q) = %v", c.stored, err)
		}
		if ok, rehash := mustVerify(t, h, c.stored, c.password); !ok || !rehash {
			t.Errorf("%q: the right password gives %v, rehash %v; want true, true", c.stored, ok, rehash)
		}
		for _, wrong := range []string{"", c.password + "x", strings.ToUpper(c.password) + " ", c.password + "\x00", strings.Repeat("x", MaxBytes+1)} {
			if ok, rehash := mustVerify(t, h, c.stored, wrong); ok || rehash {
				t.Errorf("%q: %.20q gives %v, rehash %v; want false, false", c.stored, wrong, ok, rehash)
			}
		}
		if s := h.Stats(); s.Done != 6 || s.Running != 0 {
			t.Errorf("%q: %d hashes were done on workers, %d run; want 6, 0", c.stored, s.Done, s.Running)
		}
	}
}

// bcrypt tells passwords of at most 72 bytes without a NUL from one another, and from
// no others: those are no match, whatever its answer is.
func TestBcryptProvesSeventyTwoBytesWithoutNUL(t *testing.T) {
	whole := strings.Repeat("012345678", 8) // 72 bytes
	for made, cases := range map[string]map[string]bool{
		whole: {whole: true, whole + "9": false, whole + "\x00": false, whole[:71]: false, whole[:71] + "9": false},
		"ab":  {"ab": true, "ab\x00ab": false, "ab\x00": false, "ab\x00ab\x00ab": false},
	} {
		stored, err := bcrypt.GenerateFromPassword([]byte(made), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		h := New(cheap, 1, 0)
		for password, want := range cases {
			if ok, rehash := mustVerify(t, h, string(stored), password); ok != want || rehash != want {
				t.Errorf("made from %q, %q gives %v, rehash %v; want %v", made, password, ok, rehash, want)
			}
		}
		if s := h.Stats(); s.Done != int64(len(cases)) {
			t.Errorf("%d hashes were done for %d passwords: who is refused unhashed can be told by the time", s.Done, len(cases))
		}
	}
}

func TestForeignHashesKeepTheBounds(t *testing.T) {
	argon2i := argon2iOf("secret")
	for _, stored := range []string{
		strings.Replace(bcryptOfOthers, "$05$", "$15$", 1), // about two seconds
		strings.Replace(bcryptOfOthers, "$05$", "$31$", 1),
		strings.Replace(bcryptOfOthers, "$05$", "$03$", 1),
		strings.Replace(bcryptOfOthers, "$2a$", "$2x$", 1),
		strings.Replace(bcryptOfOthers, "$2a$", "$2$", 1),
		bcryptOfOthers + "x", bcryptOfOthers[:59], bcryptOfOthers + "\n",
		strings.Replace(passlib, "6400", fmt.Sprint(maxPBKDF2Rounds+1), 1),
		strings.Replace(passlib, "6400", "0", 1),
		strings.Replace(passlib, "6400", "-1", 1),
		strings.Replace(passlib, "6400", "99999999999999999999", 1),
		strings.Replace(passlib, "sha256", "sha1", 1),
		strings.Replace(passlib, "....................eA", "c2hvcnQ", 1),
		strings.Replace(passlib, "....................eA", strings.Repeat("A", 88), 1),
		strings.Replace(django, "$1000$", "$1000000000$", 1),
		strings.Replace(django, "seasalt2seasalt2", "sea", 1),
		"pbkdf2_sha1$1000$seasalt2seasalt2$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		strings.Replace(argon2i, "m=64", "m=4194304", 1), // 4 GiB
		strings.Replace(argon2i, "t=1", "t=1000", 1),
		argon2i + strings.Repeat("A", 1<<20),
		"$pbkdf2-sha256$" + strings.Repeat("1", 1<<20),
		"5f4dcc3b5aa765d61d8327deb882cf99", "{SSHA}AAAA", "secret", "", "$6$salt$hash",
	} {
		if err := Importable(stored); err == nil || strings.Contains(err.Error(), "$") {
			t.Errorf("Importable(%.80q) = %v, want an error that does not quote it", stored, err)
		}
		if stored == "" {
			continue // nobody's
		}
		h, runs := recorded(cheap)
		ok, rehash, err := h.Verify(t.Context(), stored, "secret")
		if ok || rehash || model.CodeOf(err) != model.CodeInternal || len(*runs) != 0 || h.Stats().Done != 0 {
			t.Errorf("Verify(%.80q) = %v, %v, %v after %d hashes; want an error after none", stored, ok, rehash, err, h.Stats().Done)
		}
	}
}

// Whatever parseForeign accepts is within the bounds, and never panics.
func FuzzForeign(f *testing.F) {
	for _, s := range []string{bcryptOfOthers, passlib, sha512PHC, django, argon2iOf("x")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		h, err := parseForeign(stored)
		if err != nil {
			return
		}
		switch h := h.(type) {
		case pbkdf2Hash:
			if h.rounds < 1 || h.rounds > maxPBKDF2Rounds || len(h.key) < minKeySize || len(h.key) > maxKeySize {
				t.Errorf("%q: %d rounds, key of %d bytes", stored, h.rounds, len(h.key))
			}
		case argon2iHash:
			if err := h.params.Validate(); err != nil {
				t.Errorf("%q: %v", stored, err)
			}
		}
	})
}
