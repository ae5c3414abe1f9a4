package password

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rolegate/model"
)

// TestMain lets this test binary be a hash worker.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "hash-worker" {
		if err := Work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// withProcesses is a Hasher whose workers are processes, and those it started.
func withProcesses(t *testing.T, workers int) (*Hasher, func() []*exec.Cmd) {
	t.Helper()
	h := New(cheap, workers, time.Minute)
	var mu sync.Mutex
	var started []*exec.Cmd
	ctx, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	h.UseProcesses(ctx, func() *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		cmd := exec.Command(os.Args[0], "hash-worker")
		started = append(started, cmd)
		return cmd
	})
	return h, func() []*exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		return append([]*exec.Cmd(nil), started...)
	}
}

func TestProcessesHashLikeThisOne(t *testing.T) {
	h, started := withProcesses(t, 1)
	here := New(cheap, 1, 0)
	for _, p := range []string{"secret", "", strings.Repeat("a", MaxBytes), "sec\x00ret", "密码"} {
		there := mustHash(t, h, p)
		if ok, _ := mustVerify(t, here, there, p); !ok {
			t.Errorf("%q: hashed by a process, refused here", p)
		}
		if ok, _ := mustVerify(t, h, mustHash(t, here, p), p); !ok {
			t.Errorf("%q: hashed here, refused by a process", p)
		}
		if ok, _ := mustVerify(t, h, there, p+"x"); ok {
			t.Errorf("%q: another password is accepted", p)
		}
	}
	if n := len(started()); n != 1 {
		t.Errorf("%d processes were started for one worker", n)
	}
}

// Foreign hashes take longer than ours, so above all they are for the processes.
func TestProcessesVerifyForeignHashes(t *testing.T) {
	h, started := withProcesses(t, 1)
	for stored, right := range map[string]string{
		bcryptOfOthers: "U*U", passlib: "password", sha512PHC: "secret", django: "lètmein", argon2iOf("secret"): "secret",
	} {
		for _, c := range []struct {
			password string
			want     bool
		}{{right + "x", false}, {right, true}, {"", false}} { // a yes is not left for the next
			if ok, rehash := mustVerify(t, h, stored, c.password); ok != c.want || rehash != c.want {
				t.Errorf("%q: %q gives %v, rehash %v; want %v", stored, c.password, ok, rehash, c.want)
			}
		}
		if _, _, err := h.Verify(t.Context(), strings.Replace(bcryptOfOthers, "$05$", "$31$", 1), "U*U"); err == nil {
			t.Error("a hash beyond the bounds is run")
		}
	}
	if n := len(started()); n != 1 {
		t.Errorf("%d processes were started for one worker", n)
	}
}

// The memory of one hash is that of the next.
func TestWorkHoldsOneHash(t *testing.T) {
	var in, out bytes.Buffer
	jobs := gob.NewEncoder(&in)
	for range 6 {
		if err := jobs.Encode(job{Params: Default, Salt: make([]byte, saltSize), Size: keySize, Password: []byte("secret")}); err != nil {
			t.Fatal(err)
		}
	}
	debug.FreeOSMemory()
	before := held()
	if err := Work(&in, &out); err != nil {
		t.Fatal(err)
	}
	if after, hash := held(), int64(Default.MemoryKiB)<<10; after-before > hash*3/2 {
		t.Errorf("%d MiB are held, one hash takes %d", (after-before)>>20, hash>>20)
	}
}

// held is what the heap has of the system's memory, in bytes.
func held() (bytes int64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += int64(s.Value.Uint64())
	}
	return bytes
}

// A worker holds to the bounds whoever sends the job.
func TestWorkKeepsTheBounds(t *testing.T) {
	for name, j := range map[string]job{
		"4 GiB":          {Params: Params{MemoryKiB: 4 << 20, Iterations: 1, Parallelism: 1}, Salt: make([]byte, saltSize), Size: keySize},
		"bcrypt cost 31": {Foreign: strings.Replace(bcryptOfOthers, "$05$", "$31$", 1)},
		"nothing":        {},
	} {
		var in, out bytes.Buffer
		if err := gob.NewEncoder(&in).Encode(j); err != nil {
			t.Fatal(err)
		}
		if err := Work(&in, &out); err == nil || out.Len() > 0 {
			t.Errorf("%s: Work = %v, and %d bytes of an answer", name, err, out.Len())
		}
	}
}

func TestProcessesHaveTheLowestPriorityAndNothingOfOurs(t *testing.T) {
	t.Setenv("ROLEGATE_DATABASE_URL", "postgres://secret")
	h, started := withProcesses(t, 1)
	mustHash(t, h, "secret")
	pid := started()[0].Process.Pid
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, task.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if nice := fields[16]; nice != "19" {
			t.Errorf("thread %s has nice %s, want 19", task.Name(), nice)
		}
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || strings.Contains(string(env), "ROLEGATE") {
		t.Errorf("the worker's environment is %q, %v", env, err)
	}
	if nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err != nil || nice != 20 { // the kernel gives 20 less nice
		t.Errorf("this process has the priority %d, %v", nice, err)
	}
}

// A process that died, or that answers nothing any more, is replaced: whoever waits for
// it is served by the next.
func TestALostProcessIsReplaced(t *testing.T) {
	for how, signal := range map[string]syscall.Signal{"died": syscall.SIGKILL, "hung": syscall.SIGSTOP} {
		h, started := withProcesses(t, 1)
		h.within = 5 * time.Second
		phc := mustHash(t, h, "secret")
		if err := started()[0].Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if ok, _ := mustVerify(t, h, phc, "secret"); !ok {
			t.Errorf("the right password is refused after the worker %s", how)
		}
		if n := len(started()); n != 2 {
			t.Errorf("%d processes were started after one %s, want 2", n, how)
		}
		if n := h.Stats().Running; n != 0 {
			t.Errorf("%d slots are taken after a worker %s", n, how)
		}
	}
}

// What cannot be hashed is refused, and the slot is free again.
func TestNoProcessNoYes(t *testing.T) {
	h := New(cheap, 1, time.Second)
	phc := mustHash(t, h, "secret")
	for _, command := range [][]string{{"/nowhere/rolegate"}, {"true"}, {"echo", "nonsense"}} {
		h.UseProcesses(t.Context(), func() *exec.Cmd { return exec.Command(command[0], command[1:]...) })
		for range 2 {
			for _, stored := range []string{phc, argon2iOf("secret")} {
				if ok, _, err := h.Verify(t.Context(), stored, "secret"); ok || err == nil || model.CodeOf(err) == model.CodeLoginFailed {
					t.Errorf("%v: Verify(%.10q) = %v, %v", command, stored, ok, err)
				}
			}
		}
	}
	if n := h.Stats().Running; n != 0 {
		t.Errorf("%d slots are taken", n)
	}
}

func TestProcessesStayWithinTheCapAndEnd(t *testing.T) {
	const workers = 3
	h := New(cheap, workers, time.Minute)
	var mu sync.Mutex
	var started []*exec.Cmd
	ctx, end := context.WithCancel(t.Context())
	h.UseProcesses(ctx, func() *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		started = append(started, exec.Command(os.Args[0], "hash-worker"))
		return started[len(started)-1]
	})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := h.Hash(t.Context(), "secret"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(started); n == 0 || n > workers {
		t.Errorf("%d processes were started for %d workers", n, workers)
	}
	end()
	for _, cmd := range started {
		for deadline := time.Now().Add(10 * time.Second); cmd.Process.Signal(syscall.Signal(0)) == nil; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("worker %d lives on", cmd.Process.Pid)
			}
		}
	}
}
