package checklist

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/password"
	"rolegate/internal/testkit"
)

// TestMain lets this test binary be the processes that hash passwords, as
// rolegate itself is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "hash-worker" {
		if err := password.Work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func init() {
	holds(146, "an account that is tried from very many networks is slowed for unknown devices; its owner's known device logs in at once, also while strangers keep every hash worker busy", attackedAccount)
	holds(152, "500 logins at once: no more hash workers and memory than their caps, the others are refused within two seconds, decisions go on", floodOfLogins)
	holds(153, "a client that goes away while its password is hashed frees no worker before the hash has ended", impatientLogins)
}

// watched counts the hash workers a service starts, and remembers the most that
// were busy at once and the most memory the heap had.
type watched struct {
	k       *testkit.Kit
	mu      sync.Mutex
	workers []*exec.Cmd
	stop    chan struct{}
	done    sync.WaitGroup

	before          int // the heap, with what the tests before have left in this process
	busiest, heap   int
	decided, denied int
}

func watch(t *testing.T, hashes func(*app.App)) *watched {
	w := &watched{stop: make(chan struct{})}
	w.k = testkit.StartAltered(t, t.TempDir(), func(a *app.App) {
		hashes(a)
		a.HashWorker = func() *exec.Cmd {
			w.mu.Lock()
			defer w.mu.Unlock()
			cmd := exec.Command(os.Args[0], "hash-worker")
			w.workers = append(w.workers, cmd)
			return cmd
		}
	}, "ROLEGATE_LOGIN_RATE=1000000")
	return w
}

// sample looks until end is called.
func (w *watched) sample() {
	runtime.GC()
	w.before = heap()
	w.done.Go(func() {
		for {
			w.busiest = max(w.busiest, w.k.App.Login.Hasher.Stats().Running)
			w.heap = max(w.heap, heap())
			select {
			case <-w.stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
}

// heap is what objects take, in bytes.
func heap() int {
	live := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(live)
	return int(live[0].Value.Uint64())
}

func (w *watched) end() {
	close(w.stop)
	w.done.Wait()
}

// check holds what was seen to the caps.
func (w *watched) check(t *testing.T) {
	t.Helper()
	slots := w.k.App.Login.Hasher.Workers()
	if w.busiest > slots {
		t.Errorf("%d hashes ran at once, with %d workers", w.busiest, slots)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.workers); n == 0 || n > slots {
		t.Errorf("%d processes were started for %d workers", n, slots)
	}
	for _, cmd := range w.workers {
		most := int(password.Default.MemoryKiB)/1024 + 100
		if raced() {
			most *= 3 // the race detector keeps a shadow of all memory
		}
		if mb := peak(t, cmd.Process.Pid); mb > most {
			t.Errorf("a worker took %d MB", mb)
		}
	}
	if mb := (w.heap - w.before) >> 20; mb > 100 {
		t.Errorf("the service's heap took %d MB beside %d MB before", mb, w.before>>20)
	}
}

// raced tells whether the race detector watches this binary.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// peak is the most memory a process has had, in MB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	t.Fatalf("process %d has no VmHWM", pid)
	return 0
}

func floodOfLogins(t *testing.T) {
	w := watch(t, testkit.RealHashes)
	k := w.k
	client := k.ClientToken("crm")
	k.Invite("alice", "sales-rep")
	w.sample()

	deciding, cancel := context.WithCancel(t.Context())
	var decisions sync.WaitGroup
	decisions.Go(func() {
		for deciding.Err() == nil {
			a, err := testkit.Do(k.Request("/access/v1/evaluation", client, map[string]any{
				"subject": map[string]any{"type": "user", "id": "alice"}, "action": map[string]any{"name": "read"},
				"resource": map[string]any{"type": "contact", "id": "1", "properties": map[string]any{"owner": "alice"}},
			}))
			if err == nil && a.Body["decision"] == true {
				w.decided++
			} else {
				w.denied++
			}
		}
	})

	if password.DefaultWait > 2*time.Second {
		t.Errorf("a login waits up to %v for a worker", password.DefaultWait)
	}
	var overslept time.Duration // at the most, by who only sleeps: how busy the machine is
	decisions.Go(func() {
		for deciding.Err() == nil {
			began := time.Now()
			time.Sleep(10 * time.Millisecond)
			overslept = max(overslept, time.Since(began)-10*time.Millisecond)
		}
	})

	const logins = 500
	var wg sync.WaitGroup
	var served, refused, others, last atomic.Int64
	for i := range logins {
		req := k.Request("/v1/login", "", map[string]any{"username": fmt.Sprintf("nobody%03d", i), "password": testkit.Password})
		wg.Go(func() {
			began := time.Now()
			a, err := testkit.Do(req)
			switch {
			case err != nil:
				others.Add(1)
				t.Error(err)
			case a.Status == http.StatusUnauthorized:
				served.Add(1)
			case a.Status == http.StatusServiceUnavailable, a.Status == http.StatusTooManyRequests:
				refused.Add(1)
				if a.Header.Get("Retry-After") == "" {
					t.Errorf("%d without Retry-After: %s", a.Status, a.Raw)
				}
				took := int64(time.Since(began))
				for was := last.Load(); took > was && !last.CompareAndSwap(was, took); was = last.Load() {
				}
			default:
				others.Add(1)
				t.Errorf("status %d: %s", a.Status, a.Raw)
			}
		})
	}
	wg.Wait()
	cancel()
	decisions.Wait()
	w.end()
	w.check(t)
	t.Logf("%d served, %d refused, %d decisions meanwhile", served.Load(), refused.Load(), w.decided)
	if served.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d served and %d refused of %d: no flood", served.Load(), refused.Load(), logins)
	}
	// Two seconds in the queue, and as much again for a machine that does everything else
	// at the same time; on one where whoever sleeps is late, some turns of the processor.
	if took := time.Duration(last.Load()); took > 4*time.Second+20*overslept {
		t.Errorf("the last was refused after %v, where whoever slept was late by %v", took, overslept)
	}
	if w.decided == 0 || w.denied > 0 {
		t.Errorf("meanwhile %d decisions were right and %d wrong", w.decided, w.denied)
	}
}

func impatientLogins(t *testing.T) {
	w := watch(t, patientHashes)
	k := w.k
	k.Post("/v1/login", "", map[string]any{"username": "first", "password": testkit.Password}) // starts a worker
	w.sample()
	var wg sync.WaitGroup
	for i := range 100 {
		req := k.Request("/v1/login", "", map[string]any{"username": fmt.Sprintf("nobody%03d", i), "password": testkit.Password})
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%20)*time.Millisecond)
			defer cancel()
			_, _ = testkit.Do(req.WithContext(ctx)) // nobody waits for the answer
		})
	}
	wg.Wait()
	w.end()
	w.check(t)
	a := k.Post("/v1/login", "", map[string]any{"username": "somebody", "password": testkit.Password})
	if a.Status != http.StatusUnauthorized && a.Status != http.StatusTooManyRequests {
		t.Errorf("after them all a login is answered %d: %s", a.Status, a.Raw)
	}
}

// knownInFlood is item 146 while nothing is cheap: strangers keep every worker busy.
func knownInFlood(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), patientHashes, testkit.Proxied)
	alice := k.MustEnrol("alice")
	ticket := k.TryPassword("203.0.113.7", "alice", testkit.Password).Text("ticket")
	a := k.PostFrom("203.0.113.7", "/v1/login/totp", map[string]any{"ticket": ticket, "code": k.NextCode(alice)}, "Rolegate-Device", "new")
	k.Want(a, 200)
	device := a.Header.Get("Rolegate-Device")

	flooding, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	defer flood.Wait()
	defer cancel()
	for i := range 150 {
		flood.Go(func() {
			for n := 0; flooding.Err() == nil; n++ {
				req := k.Request("/v1/login", "", passwordBody(fmt.Sprintf("nobody-%d-%d", i, n), "wrong"))
				_, _ = testkit.Do(testkit.From(req, fmt.Sprintf("198.51.%d.%d", i, n%250)).WithContext(flooding))
			}
		})
	}
	for deadline := time.Now().Add(30 * time.Second); k.App.Login.Hasher.Stats().Waiting < 100; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no flood")
		}
	}
	for range 5 {
		done := k.App.Login.Hasher.Stats().Done
		a := k.TryPassword("192.0.2.1", "alice", testkit.Password, "Rolegate-Device", device)
		// Her own hash, and of strangers' those that had begun or had their turn next.
		if n := k.App.Login.Hasher.Stats().Done - done; a.Status != 200 || n > 20 {
			t.Errorf("%d after %d hashes: %s", a.Status, n, a.Raw)
		}
	}
}

// patientHashes alters an App to hash as in earnest, for as many as come: its workers give
// way to all else that a busy machine does.
func patientHashes(a *app.App) { a.Login.Hasher = password.New(password.Default, 0, time.Minute) }

func attackedAccount(t *testing.T) {
	t.Run("counters", manyNetworks)
	t.Run("workers", knownInFlood)
}
