package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test binary stand in for the bare handler's process.
func TestMain(m *testing.M) {
	if kind := os.Getenv(bareEnv); kind != "" {
		if err := serveBare(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A quick run of everything: the page has a row for every bar, whatever the
// figures.
func TestQuick(t *testing.T) {
	out := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := run(t.Context(), quick, "", out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| one decision") || len(rows) > 0 && strings.HasPrefix(line, "| ") {
			rows = append(rows, line)
		} else if len(rows) > 0 {
			break
		}
	}
	for _, what := range []string{
		"one decision in process, large", "one decision in process, scopes", "Casbin's enforcer, medium", "Casbin's enforcer, large |", "large-each",
		"answers that differ", "growth", "giant is a tenant beside", "memory of the snapshots", "tenant not in use", "load large", "a changed row visible", "reader waits",
		"decision, buffered, in bursts", "buffered, sustained", "HTTP batch", "HTTP single decision, durable", "with the bare group commit", "with the bare bulk append", "durable log adds", "login, password step",
		"decisions under", "peak memory", "ready after", "memory at rest",
		"felt on two others, buffered", "felt on two others, durable",
	} {
		found := 0
		for _, r := range rows {
			if strings.Contains(r, what) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d rows about %q", found, what)
		}
	}
	for _, r := range rows {
		cells := strings.Split(strings.Trim(strings.TrimSpace(r), "|"), "|")
		if len(cells) != 5 || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[4]) == "" {
			t.Errorf("a row of %d cells: %s", len(cells), r)
		}
		if strings.Contains(r, "NaN") || strings.Contains(r, "Inf") {
			t.Errorf("a figure is none: %s", r)
		}
	}
	if !strings.Contains(string(page), "cores") || !strings.Contains(string(page), "go1.") {
		t.Error("the machine is not named")
	}
}

func TestParseFigures(t *testing.T) {
	name, f, ok := parseFigures("BenchmarkCasbin/large-each-2   \t 1088\t   2536007 ns/op\t  0 different\n")
	if !ok || name != "Casbin/large-each" || f["ns/op"] != 2536007 || len(f) != 2 {
		t.Errorf("%q %v %v", name, f, ok)
	}
	for _, line := range []string{"PASS", "ok  \trolegate/internal/policy\t2.6s", "BenchmarkX-2 1 what ns/op", ""} {
		if _, _, ok := parseFigures(line); ok {
			t.Errorf("%q was read", line)
		}
	}
}
