package condition

import (
	"fmt"
	"testing"
)

var benchmarks = []string{
	`record.stage != 'secret'`,
	`'role:admin' in user.roles || record.stage != 'secret' && record.amount > 100`,
	`record.region in ['EU', 'US', 'CN'] && record.owner == user.id`,
	`record.tags.exists(x, x in user.regions)`,
	`record.created > request.time - duration('24h')`,
	`inCIDR(request.ip, ['10.0.0.0/8', '192.168.0.0/16']) && request.time.getHours('Asia/Shanghai') >= 9`,
	`below(record.unit, user.unit)`,
}

const benchmarkRecord = `{"stage": "won", "amount": 250, "region": "CN", "owner": "user:ann", "tags": ["x", "US"], "created": "2026-03-04T09:00:00Z", "unit": "sales/emea"}`

func BenchmarkEval(b *testing.B) {
	for _, text := range benchmarks {
		b.Run(text, func(b *testing.B) {
			c, f := mustCompile(b, text, schema), world(b, benchmarkRecord)
			b.ReportAllocs()
			for b.Loop() {
				c.Eval(f)
			}
		})
	}
}

func BenchmarkPossible(b *testing.B) {
	c, f := mustCompile(b, benchmarks[1], schema), world(b, benchmarkRecord)
	b.ReportAllocs()
	for b.Loop() {
		c.Possible(f)
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, text := range benchmarks {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustCompile(b, text, schema)
			}
		})
	}
}

func BenchmarkCache(b *testing.B) {
	var c Cache
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Compile(benchmarks[i%len(benchmarks)], "1", schema); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocations is what the benchmarks show, held.
func TestAllocations(t *testing.T) {
	f := world(t, benchmarkRecord)
	for _, text := range benchmarks {
		c := mustCompile(t, text, schema)
		if c.Eval(f) != True {
			t.Errorf("%s is %v: the benchmark stops early", text, c.Eval(f))
		}
		if n := testing.AllocsPerRun(100, func() { c.Eval(f) }); n > 0 {
			t.Errorf("%s allocates %v times", text, n)
		}
		if n := testing.AllocsPerRun(100, func() { c.Possible(f) }); n > 0 {
			t.Errorf("Possible of %s allocates %v times", text, n)
		}
	}
}

// TestNesting finds how deep a condition may be.
func TestNesting(t *testing.T) {
	text := "record.a"
	for i := range maxNesting - 4 {
		text = fmt.Sprintf("(record.a %s %s)", []string{"&&", "||"}[i%2], text)
	}
	mustCompile(t, text, nil)
}
