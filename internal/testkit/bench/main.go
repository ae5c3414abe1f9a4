// Package main measures every bar of docs/benchmarks.md on the machine it runs
// on, each beside a reference of the same run, and writes that page.
//
//	make bench ─▶ main ─┬─▶ policy.test -bench …    decisions in process, Casbin, memory, load
//	                    ├─▶ rolegate serve          the real binary, over loopback
//	                    ├─▶ itself as bare handler  what net/http allows
//	                    └─▶ here                    bare appends, bare password hashes, load
//
// Nothing passes or fails: times drift, so each row says what was measured, what
// was measured beside it, and whether the bar was met this time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"rolegate/internal/testkit/workload"
)

// Plan is how thoroughly to measure.
type Plan struct {
	Quick   bool
	Shape   workload.Shape // what the service is asked about over HTTP
	Conns   int
	Span    time.Duration // of each measurement over HTTP
	Repeats int           // medians are of so many
	Burst   int           // requests of one burst
	Logins  int           // parallel ones, in the flood
	Users   int           // who log in
	Rate    int           // requests a second of the open loop
	Rest    time.Duration // before idle memory is read
	Takes   int           // revocations among replicas
}

var (
	full = Plan{Shape: workload.Medium, Conns: 32, Span: 5 * time.Second, Repeats: 3, Burst: 50_000,
		Logins: 500, Users: 40, Rate: 1000, Rest: 5 * time.Second, Takes: 150}
	quick = Plan{Quick: true, Shape: workload.Medium.Tiny(), Conns: 4, Span: 100 * time.Millisecond, Repeats: 1, Burst: 200,
		Logins: 5, Users: 2, Rate: 100, Rest: 0, Takes: 2}
)

func main() {
	if kind := os.Getenv(bareEnv); kind != "" {
		if err := serveBare(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	plan := full
	isQuick := flag.Bool("quick", os.Getenv("BENCH") == "quick", "tiny workloads, seconds: only to see that everything still runs")
	only := flag.String("only", "", "comma-separated sections: process, start, http, login, replicas")
	out := flag.String("o", "docs/benchmarks.md", "the page to write; empty for none")
	flag.Parse()
	if *isQuick {
		plan = quick
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, plan, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and writes the page.
func run(ctx context.Context, plan Plan, only, out string) error {
	b, err := prepare(ctx, plan)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	interrupted := context.AfterFunc(ctx, func() {
		os.RemoveAll(b.dir) // nothing else would: the load generator does not look up
		os.Exit(130)
	})
	defer interrupted()
	for _, section := range []struct {
		name    string
		measure func() error
	}{
		{"process", b.process},
		{"start", b.start},
		{"http", b.http},
		{"login", b.login},
		{"replicas", b.replicas},
	} {
		if only != "" && !strings.Contains(","+only+",", ","+section.name+",") {
			continue
		}
		began := time.Now()
		if err := section.measure(); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		fmt.Fprintf(os.Stderr, "== %s: %s\n", section.name, time.Since(began).Round(time.Second))
	}
	page := b.page()
	fmt.Println(page)
	if out == "" {
		return nil
	}
	if !filepath.IsAbs(out) {
		out = filepath.Join(b.root, out)
	}
	return os.WriteFile(out, []byte(page), 0o644)
}

// bench is one run.
type bench struct {
	ctx  context.Context
	plan Plan
	root string // of the module
	dir  string // temporary

	rows []row
}

// prepare builds the binary that is shipped and the tests of package policy.
func prepare(ctx context.Context, plan Plan) (*bench, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	b := &bench{ctx: ctx, plan: plan, root: strings.TrimSpace(string(out))}
	if b.dir, err = os.MkdirTemp("", "rgbench"); err != nil {
		return nil, err
	}
	err = errors.Join(
		b.goTool("build", "-o", b.path("rolegate"), "./cmd/rolegate"),
		b.goTool("test", "-c", "-o", b.path("policy.test"), "./internal/policy"),
	)
	if err != nil {
		os.RemoveAll(b.dir)
		return nil, err
	}
	return b, nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// goTool runs the go command with the flags that what is shipped is built with.
func (b *bench) goTool(args ...string) error {
	cmd := exec.CommandContext(b.ctx, "go", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = b.root, append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args[:2], " "), err)
	}
	return nil
}
