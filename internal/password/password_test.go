package password

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"

	"rolegate/model"
)

// cheap keeps tests fast; what is measured is behaviour, not strength.
var cheap = Params{MemoryKiB: 64, Iterations: 1, Parallelism: 1}

func mustHash(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatalf("Hash: %v", err)
	}
	return phc
}

func mustVerify(t *testing.T, h *Hasher, phc, password string) (ok, rehash bool) {
	t.Helper()
	ok, rehash, err := h.Verify(t.Context(), phc, password)
	if err != nil {
		t.Fatalf("Verify(%q): %v", phc, err)
	}
	return ok, rehash
}

// The vectors of the argon2 reference implementation (src/test.c, argon2id,
// version 0x13). The vector of RFC 9106 section 5.3 needs a secret and
// associated data, which passwords do not have.
func TestVerifyReferenceVectors(t *testing.T) {
	h := New(cheap, 1, 0)
	for _, c := range []struct{ password, phc string }{
		{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
		{"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
	} {
		if ok, _ := mustVerify(t, h, c.phc, c.password); !ok {
			t.Errorf("Verify(%q, %q) = false, want true", c.phc, c.password)
		}
		if ok, _ := mustVerify(t, h, c.phc, c.password+"x"); ok {
			t.Errorf("Verify(%q) accepts another password", c.phc)
		}
	}
}

func TestHashForm(t *testing.T) {
	want := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	h := New(Params{}, 0, 0)
	phc := mustHash(t, h, "correct horse battery staple")
	if !want.MatchString(phc) {
		t.Errorf("Hash = %q, want it to match %s", phc, want)
	}
	if ok, rehash := mustVerify(t, h, phc, "correct horse battery staple"); !ok || rehash {
		t.Errorf("Verify = %v, rehash %v; want true, false", ok, rehash)
	}
}

// A container that may use two of a machine's 64 processors has GOMAXPROCS 2.
func TestWorkersLeaveOneOfTheProcessorsThatMayBeUsed(t *testing.T) {
	if os.Getenv(reportWorkers) != "" {
		fmt.Printf("workers=%d\n", New(Params{}, 0, 0).Workers())
		return
	}
	for procs, want := range map[int]int{1: 1, 2: 1, 6: 5} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), reportWorkers+"=1", fmt.Sprintf("GOMAXPROCS=%d", procs))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("with GOMAXPROCS=%d: %v\n%s", procs, err, out)
		}
		if line := fmt.Sprintf("workers=%d\n", want); !strings.Contains(string(out), line) {
			t.Errorf("with GOMAXPROCS=%d it printed %q, want %q", procs, out, line)
		}
	}
}

// reportWorkers is set for a process of this test that says how many workers it has.
const reportWorkers = "REPORT_HASH_WORKERS"

func TestSaltsAreUnique(t *testing.T) {
	h := New(cheap, 1, 0)
	seen := map[string]bool{}
	for range 200 {
		salt := strings.Split(mustHash(t, h, "same password"), "$")[4]
		if seen[salt] {
			t.Fatalf("salt %q came twice", salt)
		}
		seen[salt] = true
	}
}

// Every character counts: nothing is trimmed, folded, normalized or cut off.
func TestPasswordsAreTakenAsReceived(t *testing.T) {
	h := New(cheap, 1, 0)
	long := strings.Repeat("a", 72)
	for _, pair := range [][2]string{
		{long + "b", long + "c"}, // bcrypt reads 72 bytes
		{long, long + "b"},
		{strings.Repeat("a", MaxBytes), strings.Repeat("a", MaxBytes-1)},
		{" secret", "secret"},
		{"secret ", "secret"},
		{"secret\n", "secret"},
		{"sec\x00ret", "sec\x00rot"}, // C strings end at NUL
		{"sec\x00", "sec"},
		{"Secret", "secret"},
		{"\u00e9", "e\u0301"},
		{"密码密码密码", "密码密码密碼"},
		{"🔑🔑", "🔑"},
		{"", " "},
	} {
		phc := mustHash(t, h, pair[0])
		if ok, _ := mustVerify(t, h, phc, pair[0]); !ok {
			t.Errorf("%q is not accepted for itself", pair[0])
		}
		if ok, _ := mustVerify(t, h, phc, pair[1]); ok {
			t.Errorf("%q is accepted for %q", pair[1], pair[0])
		}
	}
}

func TestRehash(t *testing.T) {
	now := Params{MemoryKiB: 128, Iterations: 2, Parallelism: 1}
	for _, c := range []struct {
		name   string
		stored Params
		want   bool
	}{
		{"same", now, false},
		{"less memory", Params{64, 2, 1}, true},
		{"fewer passes", Params{128, 1, 1}, true},
		{"more of one, less of the other", Params{256, 1, 1}, true},
		{"stronger", Params{256, 3, 1}, false},
		{"other lanes", Params{128, 2, 2}, false},
	} {
		phc := mustHash(t, New(c.stored, 1, 0), "secret")
		if ok, rehash := mustVerify(t, New(now, 1, 0), phc, "secret"); !ok || rehash != c.want {
			t.Errorf("%s: Verify = %v, rehash %v; want true, %v", c.name, ok, rehash, c.want)
		}
		if ok, rehash := mustVerify(t, New(now, 1, 0), phc, "wrong"); ok || rehash {
			t.Errorf("%s: a wrong password gives %v, rehash %v; want false, false", c.name, ok, rehash)
		}
	}
	short := hash{params: now, salt: []byte("somesalt")}
	short.key = argon2.IDKey([]byte("secret"), short.salt, now.Iterations, now.MemoryKiB, now.Parallelism, keySize)
	if ok, rehash := mustVerify(t, New(now, 1, 0), short.String(), "secret"); !ok || !rehash {
		t.Errorf("short salt: Verify = %v, rehash %v; want true, true", ok, rehash)
	}
}

// recorded is a Hasher that keeps the parameters of every hash it runs.
func recorded(p Params) (*Hasher, *[]Params) {
	h := New(p, 1, 0)
	var runs []Params
	h.work = func(j job) (result, error) {
		runs = append(runs, j.Params)
		return j.run()
	}
	return h, &runs
}

// Unknown users and over-long passwords cost one hash, like everybody else.
func TestEveryAnswerCostsOneHash(t *testing.T) {
	stored := Params{MemoryKiB: 32, Iterations: 1, Parallelism: 1}
	phc := mustHash(t, New(stored, 1, 0), "secret")
	ofEmpty := mustHash(t, New(stored, 1, 0), "")
	huge := strings.Repeat("x", MaxBytes+1)
	for _, c := range []struct {
		name, phc, password string
		ok                  bool
		want                Params
	}{
		{"right", phc, "secret", true, stored},
		{"wrong", phc, "wrong", false, stored},
		{"empty", phc, "", false, stored},
		{"over-long", phc, huge, false, stored},
		{"over-long, where the stand-in would match", ofEmpty, huge, false, stored},
		{"unknown user", "", "secret", false, cheap},
		{"unknown user, empty", "", "", false, cheap},
		{"unknown user, over-long", "", huge, false, cheap},
	} {
		h, runs := recorded(cheap)
		if ok, _ := mustVerify(t, h, c.phc, c.password); ok != c.ok {
			t.Errorf("%s: Verify = %v, want %v", c.name, ok, c.ok)
		}
		if len(*runs) != 1 || (*runs)[0] != c.want {
			t.Errorf("%s: hashes run: %v, want one with %v", c.name, *runs, c.want)
		}
	}
}

func TestHashRefusesOverlongPasswordsUnhashed(t *testing.T) {
	h, runs := recorded(cheap)
	_, err := h.Hash(t.Context(), strings.Repeat("x", 1<<20))
	if model.CodeOf(err) != model.CodePasswordRejected || len(*runs) != 0 {
		t.Errorf("Hash of 1 MiB: %v after %d hashes, want %s after none", err, len(*runs), model.CodePasswordRejected)
	}
}

func TestHostileHashesAreNeverRun(t *testing.T) {
	const salt, key = "c29tZXNhbHRzb21lc2FsdA", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	good := "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key
	if _, err := parse(good); err != nil {
		t.Fatalf("parse(%q): %v", good, err)
	}
	for _, phc := range []string{
		" ", "x", "$", "$$$$$", "secret",
		"$2a$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ012",
		strings.Replace(good, "argon2id", "argon2d", 1),
		strings.Replace(good, "argon2id", "ARGON2ID", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "$v=19", "", 1),
		strings.Replace(good, "m=64", "m=4194304", 1), // 4 GiB
		strings.Replace(good, "m=64", "m=262145", 1),
		strings.Replace(good, "m=64", "m=4294967360", 1), // 2^32 + 64
		strings.Replace(good, "m=64", "m=7", 1),
		strings.Replace(good, "m=64", "m=-64", 1),
		strings.Replace(good, "m=64", "m=+64", 1),
		strings.Replace(good, "m=64", "m=064", 1),
		strings.Replace(good, "m=64", "m=0x40", 1),
		strings.Replace(good, "m=64", "m=6_4", 1),
		strings.Replace(good, "m=64", "m= 64", 1),
		strings.Replace(good, "m=64", "m=", 1),
		strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "t=1", "t=1000", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=17", 1),
		strings.Replace(good, "p=1", "p=257", 1), // 1 as a uint8
		strings.Replace(good, "p=1", "p=1,data=x", 1),
		strings.Replace(good, "m=64,t=1", "t=1,m=64", 1),
		strings.Replace(good, salt, "", 1),
		strings.Replace(good, salt, "c2hvcnQ", 1),
		strings.Replace(good, salt, strings.Repeat("A", 88), 1),
		strings.Replace(good, salt, salt+"==", 1),
		strings.Replace(good, salt, salt[:21]+"B", 1), // stray bits at the end
		strings.Replace(good, salt, salt[:4]+"\n"+salt[4:], 1),
		strings.Replace(good, key, "", 1),
		strings.Replace(good, key, "AAAA", 1),
		strings.Replace(good, key, strings.Repeat("A", 88), 1),
		strings.Replace(good, "/", "_", 1) + "_",
		good + "\n", " " + good, good + "$", good + "$x",
		good + strings.Repeat("A", 1<<20),
	} {
		h, runs := recorded(cheap)
		ok, rehash, err := h.Verify(t.Context(), phc, "password")
		if ok || rehash || err == nil || len(*runs) != 0 {
			t.Errorf("Verify(%.80q) = %v, %v, %v after %d hashes; want an error after none", phc, ok, rehash, err, len(*runs))
		}
		if model.CodeOf(err) != model.CodeInternal {
			t.Errorf("Verify(%.80q): code %s, want %s", phc, model.CodeOf(err), model.CodeInternal)
		}
	}
}

func TestNewRefusesSenselessParams(t *testing.T) {
	for _, p := range []Params{{64, 0, 1}, {64, 1, 0}, {7, 1, 1}, {1 << 30, 1, 1}, {64, 17, 1}, {1024, 1, 17}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%v) does not panic", p)
				}
			}()
			New(p, 1, 0)
		}()
	}
}

func TestWorkerCapHoldsUnderLoad(t *testing.T) {
	const workers, callers = 3, 60
	h := New(cheap, workers, time.Minute)
	if h.Workers() != workers {
		t.Fatalf("Workers() = %d, want %d", h.Workers(), workers)
	}
	var running, peak atomic.Int64
	h.work = func(j job) (result, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		time.Sleep(time.Millisecond) // long enough for all workers to meet
		return j.run()
	}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = h.Hash(t.Context(), "secret")
			} else {
				_, _, err = h.Verify(t.Context(), "", "secret")
			}
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if peak.Load() != workers {
		t.Errorf("%d hashes ran at once, want %d", peak.Load(), workers)
	}
}

// slow is a Hasher with one worker whose hashes take d of the bubble's time.
func slow(d time.Duration) *Hasher {
	h := New(cheap, 1, 0)
	h.work = func(j job) (result, error) {
		time.Sleep(d)
		return result{Key: make([]byte, j.Size)}, nil
	}
	return h
}

func TestBusyAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow(time.Hour)
		go h.Hash(context.Background(), "first")
		synctest.Wait()
		start := time.Now()
		_, err := h.Hash(context.Background(), "second")
		if model.CodeOf(err) != model.CodeBusy {
			t.Errorf("Hash = %v, want %s", err, model.CodeBusy)
		}
		if _, _, err := h.Verify(context.Background(), "", "third"); model.CodeOf(err) != model.CodeBusy {
			t.Errorf("Verify = %v, want %s", err, model.CodeBusy)
		}
		if got := time.Since(start); got != 2*DefaultWait {
			t.Errorf("two callers waited %v, want %v each", got, DefaultWait)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
	})
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow(time.Second)
		go h.Hash(context.Background(), "first")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := h.Hash(ctx, "second")
		if model.CodeOf(err) != model.CodeBusy || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Hash = %v, want %s because of the deadline", err, model.CodeBusy)
		}
		if got := time.Since(start); got != 100*time.Millisecond {
			t.Errorf("it took %v, want 100ms", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		// A caller that has gone already takes no slot, free as they are.
		if _, err := h.Hash(ctx, "third"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Hash for a caller that has gone = %v, want the deadline", err)
		}
	})
}

// A caller that hangs up while its hash runs must not make room for another.
func TestSlotIsHeldUntilTheHashEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow(time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := h.Hash(ctx, "first")
			done <- err
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if _, err := h.Hash(context.Background(), "second"); model.CodeOf(err) != model.CodeBusy {
			t.Errorf("Hash after the first caller left = %v, want %s", err, model.CodeBusy)
		}
		if err := <-done; err != nil {
			t.Errorf("the hash that had begun: %v", err)
		}
		if _, err := h.Hash(context.Background(), "third"); err != nil {
			t.Errorf("Hash after the first ended: %v", err)
		}
	})
}

func TestSlotIsFreedWhenAHashPanics(t *testing.T) {
	h := New(cheap, 1, time.Second)
	inProcess := h.work
	h.work = func(job) (result, error) { panic("out of memory") }
	func() {
		defer func() { _ = recover() }()
		_, _ = h.Hash(t.Context(), "first")
	}()
	h.work = inProcess
	if _, err := h.Hash(t.Context(), "second"); err != nil {
		t.Errorf("Hash after a panic: %v", err)
	}
}

// Whatever parse accepts is safe to run and has one spelling only.
func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$AAAA")
	f.Add("$argon2id$v=19$m=064,t=+1,p=1$c29t\nZXNhbHQ$AAAA")
	f.Add("$2a$10$abc")
	f.Fuzz(func(t *testing.T, phc string) {
		h, err := parse(phc)
		if err != nil {
			return
		}
		if h.String() != phc {
			t.Errorf("parse(%q) gives %q", phc, h)
		}
		if err := h.params.Validate(); err != nil {
			t.Errorf("parse(%q) accepts: %v", phc, err)
		}
		if len(h.salt) < minSaltSize || len(h.salt) > maxSaltSize || len(h.key) < minKeySize || len(h.key) > maxKeySize {
			t.Errorf("parse(%q): salt of %d bytes, key of %d", phc, len(h.salt), len(h.key))
		}
	})
}

// Whoever goes ahead waits for what is running and next, not for all who wait.
func TestAheadOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow(time.Second / 2)
		for range 20 {
			go h.Hash(context.Background(), "stranger")
		}
		synctest.Wait()
		start := time.Now()
		if _, err := h.Hash(Ahead(context.Background()), "known"); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got > time.Second {
			t.Errorf("it took %v", got)
		}
		if s := h.Stats(); s.Waiting < 10 {
			t.Errorf("only %d strangers waited", s.Waiting)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := h.Stats(); s.Running != 0 || s.Waiting != 0 || len(h.strangers) != 0 {
			t.Errorf("afterwards %+v, %d strangers", s, len(h.strangers))
		}
	})
}

// Of a crowd only a few are let in at a time, in the order they came. The others
// wait about as long as for a hash, and are not refused at one moment.
func TestEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow(time.Second / 2)
		start := time.Now()
		var mu sync.Mutex
		var inside, most, entered, refused int
		var first, last time.Duration
		for i := range 100 {
			go func() {
				leave, err := h.Enter(context.Background())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					if model.CodeOf(err) != model.CodeBusy {
						t.Errorf("Enter = %v, want %s", err, model.CodeBusy)
					}
					if refused++; refused == 1 {
						first = time.Since(start)
					}
					last = time.Since(start)
					return
				}
				if i != entered {
					t.Errorf("%d entered in place of %d", i, entered)
				}
				entered++
				inside++
				most = max(most, inside)
				mu.Unlock()
				_, err = h.Hash(context.Background(), "a password")
				mu.Lock()
				inside--
				leave()
				if err != nil {
					t.Errorf("one who was let in: %v", err)
				}
			}()
			synctest.Wait()
		}
		if s := h.Stats(); s.Waiting < 90 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most != placesEach || entered < placesEach+2 || entered+refused != 100 {
			t.Errorf("%d entered, %d at once; %d were refused", entered, most, refused)
		}
		if first < DefaultWait*3/4 || last > DefaultWait || last-first < DefaultWait/8 {
			t.Errorf("they were refused from %v to %v", first, last)
		}
		if s := h.Stats(); s.Waiting != 0 || int(s.Refused) != refused || len(h.places) != 0 {
			t.Errorf("afterwards %+v, %d inside", s, len(h.places))
		}
	})
}

// However short the wait, who finds a free worker has it.
func TestAFreeWorkerIsTaken(t *testing.T) {
	h := New(cheap, 1, time.Nanosecond)
	for range 200 {
		if _, err := h.Hash(t.Context(), "secret"); err != nil {
			t.Fatal(err)
		}
	}
}
