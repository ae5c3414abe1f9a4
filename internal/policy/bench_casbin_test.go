package policy

import (
	"testing"
	"time"

	"github.com/casbin/casbin/v2"
	casbinmodel "github.com/casbin/casbin/v2/model"

	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// domainModel is crm.conf's grants pass for all tenants in one enforcer, each a
// domain, as https://casbin.org/docs/rbac-with-domains shows it; the cheap
// comparisons stand first, which its documentation does not do.
const domainModel = `
[request_definition]
r = sub, dom, obj, act, facts
[policy_definition]
p = sub, dom, obj, act, scope, cond, eft
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = p.dom == r.dom && (p.obj == "*" || p.obj == r.obj) && (p.act == "*" || p.act == r.act) && (p.sub == "*" || g(r.sub, p.sub, r.dom)) && within(r.facts, p.scope, p.cond, p.eft)
`

// BenchmarkCasbin asks Casbin's own enforcer, used as its documentation shows,
// the questions of BenchmarkDecide, and counts the answers that differ. It and
// ours take turns of the same length. large is one enforcer for all tenants;
// large-each has one for each.
func BenchmarkCasbin(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Small, workload.Medium} {
		b.Run(shape.Name, func(b *testing.B) { askCasbin(b, shape, eachTenant) })
	}
	b.Run("large", func(b *testing.B) { askCasbin(b, workload.Large, allTenants) })
	b.Run("large-each", func(b *testing.B) { askCasbin(b, workload.Large, eachTenant) })
}

// enforce answers a question about the i-th firm.
type enforce func(i int, q *model.Question, facts *asking) (bool, error)

func askCasbin(b *testing.B, shape workload.Shape, make func(*testing.B, turns) enforce) {
	firms := turns(firmsOf(b, shape, (*workload.Tenant).Questions))
	began := time.Now()
	ask := make(b, firms)
	loading := time.Since(began)
	var answers []bool
	var theirs, ours []float64
	asked := 0
	for b.Loop() {
		n := len(answers)
		f, q := firms.pick(n)
		facts := factsOf(f.snap, q)
		began := time.Now()
		allowed, err := ask(n%len(firms), q, facts)
		theirs = append(theirs, float64(time.Since(began)))
		if err != nil {
			b.Fatal(err)
		}
		answers = append(answers, allowed)
		ours = append(ours, timeDecisions(firms, &asked, time.Since(began)))
	}
	different := 0
	for i, allowed := range answers {
		if f, q := firms.pick(i); f.decide(q).Allow != allowed {
			different++
		}
	}
	b.ReportMetric(0, "ns/op") // of both
	b.ReportMetric(median(theirs), "median-ns")
	b.ReportMetric(median(ours), "ours-ns")
	b.ReportMetric(median(theirs)/median(ours), "x-ours")
	b.ReportMetric(loading.Seconds(), "load-s")
	b.ReportMetric(float64(len(answers)), "compared")
	b.ReportMetric(float64(different), "different")
}

// factsOf is what the functions of crm.conf look at.
func factsOf(s *Snapshot, q *model.Question) *asking {
	a := &asking{Snapshot: s, q: q, in: &atNoon, engine: index{}, now: noon}
	if a.admit() == model.ReasonAllowed {
	}
	return a
}

func eachTenant(b *testing.B, firms turns) enforce {
	enforcers := make([]*casbin.Enforcer, len(firms))
	for i, f := range firms {
		enforcers[i] = newEnforcer(b, model.CasbinModel)
		rules, links := casbinRows(f)
		load(b, enforcers[i], rules, links)
	}
	return func(i int, q *model.Question, facts *asking) (bool, error) {
		return enforcers[i].Enforce(key(*q), q.Resource.Type, q.Action.Name, facts)
	}
}

func allTenants(b *testing.B, firms turns) enforce {
	e := newEnforcer(b, domainModel)
	domains := make([]string, len(firms))
	var rules, links [][]string
	for i, f := range firms {
		domains[i] = f.snap.tenant.ID
		own, held := casbinRows(f)
		for _, row := range own {
			rules = append(rules, append([]string{row[0], domains[i]}, row[1:]...))
		}
		for _, row := range held {
			links = append(links, append(row, domains[i]))
		}
	}
	load(b, e, rules, links)
	return func(i int, q *model.Question, facts *asking) (bool, error) {
		return e.Enforce(key(*q), domains[i], q.Resource.Type, q.Action.Name, facts)
	}
}

// casbinRows are a firm's p rows and g rows. The workloads compared have no
// others, nor teams.
func casbinRows(f *firm) (rules, links [][]string) {
	for i := range f.doc.Rows {
		rules = append(rules, f.doc.Rows[i].Cells[:])
	}
	for _, l := range f.doc.RoleLinks {
		links = append(links, []string{l.Role, l.Inherits})
	}
	for _, a := range f.dir.Assignments {
		links = append(links, []string{a.Member, model.RolePrefix + a.Role})
	}
	return rules, links
}

func newEnforcer(b *testing.B, text string) *casbin.Enforcer {
	b.Helper()
	m, err := casbinmodel.NewModelFromString(text)
	if err != nil {
		b.Fatal(err)
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		b.Fatal(err)
	}
	var c reference // the workloads compared have no conditions
	e.AddFunction("within", casbinFunction(func(a *asking, s []string) bool { return c.within(a, s[0], s[1], s[2]) }, 3))
	e.AddFunction("holds", casbinFunction(func(a *asking, s []string) bool { return c.holds(a, s[0]) }, 1))
	e.AddFunction("assured", casbinFunction(func(a *asking, s []string) bool { return assured(a, s[0], s[1]) }, 2))
	return e
}

func load(b *testing.B, e *casbin.Enforcer, rules, links [][]string) {
	b.Helper()
	if ok, err := e.AddPolicies(rules); err != nil || !ok {
		b.Fatalf("load p rows into Casbin: %v, %v", ok, err)
	}
	if ok, err := e.AddGroupingPolicies(links); err != nil || !ok {
		b.Fatalf("load g rows into Casbin: %v, %v", ok, err)
	}
}
