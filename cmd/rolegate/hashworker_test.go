package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// children are the processes that a process has started, with their command lines.
func children(parent int) map[int]string {
	found := map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// After the name, which may hold anything, come the state and the parent.
		after := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(after) < 2 || after[1] != strconv.Itoa(parent) || after[0] == "Z" {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
	}
	return found
}

func wrongLogin(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Post(url+"/v1/login", "application/json", strings.NewReader(`{"username":"nobody","password":"wrong"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("status %d, want 401", resp.StatusCode)
	}
}

// A served login is hashed by a process of its own, which ends with the service,
// however that ends.
func TestPasswordsAreHashedByAnotherProcess(t *testing.T) {
	p := serveProcess(t, t.TempDir())
	wrongLogin(t, p.URL)
	workers := children(p.cmd.Process.Pid)
	if len(workers) != 1 {
		t.Fatalf("%d processes after one login: %v", len(workers), workers)
	}
	for pid, line := range workers {
		if !strings.Contains(line, hashWorkerName) {
			t.Errorf("the process is %q", line)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	wrongLogin(t, p.URL)
	workers = children(p.cmd.Process.Pid)
	if len(workers) != 1 {
		t.Fatalf("%d processes after the first was killed: %v", len(workers), workers)
	}
	p.kill()
	for pid := range workers {
		for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("worker %d outlives the service", pid)
			}
		}
	}
}
