package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// row is a line of the table.
type row struct {
	What, Bar, Measured, Reference string
	Met                            string
}

const (
	yes   = "yes"
	no    = "**no**"
	noBar = "–" // measured for orientation
)

func (b *bench) add(what, bar, measured, reference, met string) {
	r := row{what, bar, measured, reference, met}
	b.rows = append(b.rows, r)
	fmt.Fprintf(os.Stderr, "%s: %s (%s; %s) %s\n", what, measured, bar, reference, met)
}

// met says whether a bar was met.
func met(ok bool) string {
	if ok {
		return yes
	}
	return no
}

// page is docs/benchmarks.md.
func (b *bench) page() string {
	var p bytes.Buffer
	p.WriteString("# Benchmarks\n\n")
	if b.plan.Quick {
		p.WriteString("**A quick run on tiny workloads: the figures mean nothing.**\n\n")
	}
	fmt.Fprintf(&p, "Written by `make bench`. Trust ratios, not digits: each row has its reference from the same run.\n\n")
	fmt.Fprintf(&p, "Measured %s at commit %s on %s.\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), b.commit(), machine())
	p.WriteString("| what | bar | measured | reference of the same run | met |\n|---|---|---|---|---|\n")
	for _, r := range b.rows {
		fmt.Fprintf(&p, "| %s | %s | %s | %s | %s |\n", r.What, r.Bar, r.Measured, r.Reference, r.Met)
	}
	p.WriteString(about)
	return p.String()
}

const about = `
Where a bar is not met, [0016](decisions/0016-bars-over-http.md) says where the time goes.

The workloads come from ` + "`internal/testkit/workload`" + `, seeded: the same bytes in every run.

| workload | tenants | users | roles | objects × actions | rows (p / g) |
|---|---|---|---|---|---|
| small | 1 | 50 | 8 | 12 × 8 | 220 / 100 |
| medium | 1 | 1,000 | 60, hierarchy 3 deep | 60 × 8 | 8,680 / 2,040 |
| large | 100 of medium | 100,000 | 6,000 | | 868,000 / 204,000 |
| crm | 1; 40 fields an object, scopes, 120 conditional grants, 40 restrictions, 10,800 field rules, 80 teams, reporting lines 6 deep | 1,000 | 60 | 60 × 12 | 15,000 / 3,000 |
| scoped | crm without fields and field rules | | | | |
| giant | 1; one branch of 30,000 people | 120,000 | 2,000 | 500 × 12 | 600,000 / 360,000 |

Decisions are timed in blocks of 64, users, objects and tenants taking turns; the figure is the median block. Casbin's
enforcer is used as its documentation shows, with crm.conf's matcher, whose cheap comparisons stand first; "large" is one
enforcer with a domain for each tenant. Both are asked the same questions over the same rows in the same process.

Over HTTP the service is the shipped binary in a process of its own, asked about medium over loopback by 32 connections
that are kept alive; the load generator shares the machine with it. The bare handler is a chi route that decodes the same
JSON with encoding/json and answers a constant, in a process of its own. Bare appends are rows of the same shape, of a
thousand people, put into a SQLite log by our store, without decisions, sealing or HTTP.

Replicas are three such processes on one PostgreSQL with fsync, everything on the same machine. A role is taken away on one of
them in turns; the time runs from the acknowledgement to the answer of another one that denies, asked without pause.
`

// machine names what was measured on.
func machine() string {
	cpu, kernel := "an unknown CPU", "an unknown kernel"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = runtime.GOOS + " " + strings.TrimSpace(string(release))
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", cpu, runtime.GOMAXPROCS(0), kernel, runtime.Version())
}

func (b *bench) commit() string {
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = b.root
		out, _ := cmd.Output()
		return strings.TrimSpace(string(out))
	}
	commit := git("rev-parse", "--short=12", "HEAD")
	if commit == "" {
		return "(unknown)"
	}
	if git("status", "--porcelain") != "" {
		commit += " with changes"
	}
	return commit
}

// nanos, millis and such print figures the way people compare them.
func nanos(ns float64) string {
	switch {
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 10_000_000:
		return fmt.Sprintf("%.0f µs", ns/1e3)
	case ns < 10_000_000_000:
		return fmt.Sprintf("%.0f ms", ns/1e6)
	}
	return fmt.Sprintf("%.0f s", ns/1e9)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

func times(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.2f ×", x)
	}
	return thousands(x) + " ×"
}

func perSecond(x float64) string { return thousands(x) + "/s" }

// thousands prints a whole number with commas.
func thousands(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
