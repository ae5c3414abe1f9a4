package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// figures are what a benchmark reported: unit → value.
type figures map[string]float64

// goBench runs benchmarks of package policy in a process of their own and
// returns their figures by name, without "Benchmark".
func (b *bench) goBench(pattern, benchtime string) (map[string]figures, error) {
	if b.plan.Quick {
		benchtime = "1x"
	}
	cmd := exec.CommandContext(b.ctx, b.path("policy.test"), "-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+benchtime, "-test.benchmem", "-test.timeout=30m")
	cmd.Dir, cmd.Stderr = b.dir, os.Stderr
	if b.plan.Quick {
		cmd.Env = append(os.Environ(), "BENCH=quick")
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("benchmarks %s: %w\n%s", pattern, err, out)
	}
	all := map[string]figures{}
	for line := range strings.Lines(string(out)) {
		if name, f, ok := parseFigures(line); ok {
			all[name] = f
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("benchmarks %s: no figures in\n%s", pattern, out)
	}
	return all, nil
}

// parseFigures reads a line such as
//
//	BenchmarkDecide/large-2   852   2832719 ns/op   0 allocs/op
func parseFigures(line string) (name string, f figures, ok bool) {
	words := strings.Fields(line)
	if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
		return "", nil, false
	}
	name = strings.TrimPrefix(words[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	f = figures{}
	for i := 2; i+1 < len(words); i += 2 {
		v, err := strconv.ParseFloat(words[i], 64)
		if err != nil {
			return "", nil, false
		}
		f[words[i+1]] = v
	}
	return name, f, true
}

// process is everything that is measured inside one process.
func (b *bench) process() error {
	decide, err := b.goBench("^Benchmark(Decide|AnyRecord|Field)$", "1s")
	if err != nil {
		return err
	}
	casbin, err := b.goBench("^BenchmarkCasbin$", "10s")
	if err != nil {
		return err
	}
	b.decisions(decide)
	b.againstCasbin(casbin)
	return b.snapshots(casbin["Casbin/large"]["load-s"])
}

func (b *bench) decisions(d map[string]figures) {
	ns := func(name string) float64 { return d[name]["median-ns"] }
	show := func(name string) string {
		return fmt.Sprintf("%s, %s allocations, %s B", nanos(ns(name)), thousands(d[name]["allocs/op"]), thousands(d[name]["B/op"]))
	}
	medium := "medium: " + nanos(ns("Decide/medium"))
	large := d["Decide/large"]
	b.add("one decision in process, large", "≤ 1 µs median, 0 allocations", show("Decide/large"), medium,
		met(large["median-ns"] <= 1000 && large["allocs/op"] == 0))
	b.add("one decision in process, scopes and conditions (scoped)", "≤ 3 µs median", show("Decide/scoped"), medium, met(ns("Decide/scoped") <= 3000))
	for _, name := range []string{"small", "medium", "crm", "giant"} {
		b.add("one decision in process, "+name, "", show("Decide/"+name), medium, noBar)
	}
	b.add("may she list them at all, medium", "", show("AnyRecord/medium"), medium, noBar)
	b.add("may she list them at all, scoped", "", show("AnyRecord/scoped"), medium, noBar)
	b.add("allowed read of crm that names four fields", "", show("Field/four"), medium, noBar)
	b.add("allowed read of crm, all 40 fields sorted", "", show("Field/every"), medium, noBar)
	growth := ns("Decide/large") / ns("Decide/medium")
	b.add("growth from medium to large", "≤ 10 ×", times(growth), medium, met(growth <= 10))
}

func (b *bench) againstCasbin(c map[string]figures) {
	for _, r := range []struct {
		name, bar string
		least     float64
	}{
		{"small", "", 0},
		{"medium", "≥ 10,000 ×", 10_000},
		{"large", "≥ 100,000 ×, one enforcer for all tenants", 100_000},
		{"large-each", "an enforcer a tenant, beside it", 0},
	} {
		f, verdict := c["Casbin/"+r.name], noBar
		if r.least > 0 {
			verdict = met(f["x-ours"] >= r.least)
		}
		b.add("against Casbin's enforcer, "+r.name, r.bar, times(f["x-ours"])+" as fast: "+nanos(f["ours-ns"]), "Casbin: "+nanos(f["median-ns"]), verdict)
	}
	var compared, different float64
	for _, f := range c {
		compared += f["compared"]
		different += f["different"]
	}
	b.add("answers that differ from Casbin's", "0", thousands(different), thousands(compared)+" compared", met(different == 0))
}

// snapshots is what they cost to keep and to make. Each benchmark has a process
// of its own, since the heap of one would weigh on the next.
func (b *bench) snapshots(casbinLoad float64) error {
	all := map[string]figures{}
	for _, name := range []string{"Neighbour", "Memory", "Load", "Change", "Snapshot"} {
		benchtime := "1x"
		if name == "Snapshot" {
			benchtime = "2s"
		}
		f, err := b.goBench("^Benchmark"+name+"$", benchtime)
		if err != nil {
			return err
		}
		for k, v := range f {
			all[k] = v
		}
	}
	n := all["Neighbour"]
	b.add("a decision on medium while giant is a tenant beside it", "not moved (≤ 1.25 ×)", times(n["beside-ns"]/n["alone-ns"]),
		"alone: "+nanos(n["alone-ns"]), met(n["beside-ns"] <= 1.25*n["alone-ns"]))
	b.add("memory of the snapshots, large", "≤ 100 B a row", fmt.Sprintf("%.0f B a row", all["Memory"]["B/row"]),
		fmt.Sprintf("Casbin's enforcer of one tenant: %.0f B a row", all["Memory"]["casbin-B/row"]), met(all["Memory"]["B/row"] <= 100))
	b.add("memory of a tenant not in use", "nothing (≤ 1 kB)", fmt.Sprintf("%.0f B", max(0, all["Load"]["B/idle-tenant"])), "", met(all["Load"]["B/idle-tenant"] <= 1000))
	b.add("load large from SQLite", "≤ 3 s", fmt.Sprintf("%.2f s", all["Load"]["s"]), fmt.Sprintf("Casbin, of rows already parsed: %.2f s", casbinLoad), met(all["Load"]["s"] <= 3))
	c := all["Change"]
	b.add("a changed row visible after its commit, medium", "≤ 20 ms", fmt.Sprintf("%.1f ms", c["visible-ms"]), "parse and compile: "+nanos(all["Snapshot/medium"]["ns/op"]), met(c["visible-ms"] <= 20))
	b.add("longest a reader waits meanwhile", "never (≤ 5 ms)", fmt.Sprintf("%.1f ms", c["reader-max-ms"]), fmt.Sprintf("one of another tenant, which it does not concern: %.1f ms; median %.0f ns", c["beside-max-ms"], c["reader-median-ms"]*1e6), met(c["reader-max-ms"] <= 5))
	for _, name := range []string{"crm", "giant"} {
		b.add("from text to an answering snapshot, "+name, "", nanos(all["Snapshot/"+name]["ns/op"]), fmt.Sprintf("%.0f ns a row", all["Snapshot/"+name]["ns/row"]), noBar)
	}
	return nil
}
