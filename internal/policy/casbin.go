package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/casbin/casbin/v2"
	casbinmodel "github.com/casbin/casbin/v2/model"
	defaultrolemanager "github.com/casbin/casbin/v2/rbac/default-role-manager"

	"rolegate/model"
)

// maxRoleSteps is how far g must see: the longest inheritance a document may
// have, below a role that a subject holds by a team. Casbin's own default is ten
// steps, after which a role is silently not inherited.
const maxRoleSteps = maxInheritance + 2

// The passes, as crm.conf tells them apart.
var (
	grantsPass       = casbin.EnforceContext{RType: "r", PType: "p", EType: "e", MType: "m"}
	restrictionsPass = casbin.EnforceContext{RType: "r2", PType: "p2", EType: "e2", MType: "m2"}
	assurancePass    = casbin.EnforceContext{RType: "r4", PType: "p4", EType: "e2", MType: "m4"}
	fieldPasses      = map[FieldPass]casbin.EnforceContext{
		DeniedToAll: {RType: "r3", PType: "p3", EType: "e2", MType: "m5"},
		Opened:      {RType: "r3", PType: "p3", EType: "e3", MType: "m3"},
		NotClosed:   {RType: "r3", PType: "p3", EType: "e2", MType: "m3"},
	}
)

// reference is the engine by Casbin's own enforcer, over the rows of one
// snapshot and the role assignments of one moment. The enforcer is built once,
// never changed and never handed out: Casbin's ways of changing one while it
// answers lose revocations, and its caches outlive them.
type reference struct {
	enforcer *casbin.Enforcer
	rules    map[string]ruleID // by ruleKey
	clauses  map[string]*clause
}

var _ engine = (*reference)(nil)

// newReference loads the snapshot's rows, read anew from its text, into an
// enforcer.
func newReference(s *Snapshot, now time.Time) (*reference, error) {
	doc, err := parseKept(s.rules.text, nil)
	if err != nil {
		return nil, err
	}
	m, err := casbinmodel.NewModelFromString(model.CasbinModel)
	if err != nil {
		return nil, fmt.Errorf("read the Casbin model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, fmt.Errorf("make a Casbin enforcer: %w", err)
	}
	c := &reference{enforcer: enforcer, rules: map[string]ruleID{}, clauses: map[string]*clause{}}
	for _, g := range s.rules.grants {
		if g.cond != nil {
			c.clauses[g.cond.text] = g.cond
		}
	}
	enforcer.AddFunction("within", casbinFunction(func(a *asking, s []string) bool { return c.within(a, s[0], s[1], s[2]) }, 3))
	enforcer.AddFunction("holds", casbinFunction(func(a *asking, s []string) bool { return c.holds(a, s[0]) }, 1))
	enforcer.AddFunction("assured", casbinFunction(func(a *asking, s []string) bool { return assured(a, s[0], s[1]) }, 2))
	if err := c.addRows(doc.Rows); err != nil {
		return nil, err
	}
	return c, c.addRoles(doc.RoleLinks, s.people, now)
}

// addRows loads the rows and counts them: Casbin skips what it takes for a
// repeat without saying so.
func (c *reference) addRows(rows []Row) error {
	byKind := map[Kind][][]string{}
	for i := range rows {
		r := &rows[i]
		cells := r.Cells[:len(columns[r.Kind.String()])]
		byKind[r.Kind] = append(byKind[r.Kind], cells)
		c.rules[ruleKey(r.Kind.String(), cells)] = ruleID(i)
	}
	for kind, want := range byKind {
		if _, err := c.enforcer.AddNamedPolicies(kind.String(), want); err != nil {
			return fmt.Errorf("load %s rows into Casbin: %w", kind, err)
		}
		got, err := c.enforcer.GetNamedPolicy(kind.String())
		if err := loaded(kind.String(), len(got), len(want), err); err != nil {
			return err
		}
	}
	return nil
}

// addRoles links members with roles. The document's links are rows like any
// other. The directory's go straight to the role manager, where a link is two
// names: as rows they would be keyed by their cells joined with commas, and ids
// of people may hold commas.
func (c *reference) addRoles(links []RoleLink, people *roster, now time.Time) error {
	manager := defaultrolemanager.NewRoleManagerImpl(maxRoleSteps)
	c.enforcer.SetRoleManager(manager)
	if err := c.enforcer.BuildRoleLinks(); err != nil { // makes g ask the new manager
		return fmt.Errorf("set Casbin's role manager: %w", err)
	}
	rows := make([][]string, 0, len(links))
	for _, l := range links {
		rows = append(rows, []string{l.Role, l.Inherits})
	}
	if _, err := c.enforcer.AddNamedGroupingPolicies("g", rows); err != nil {
		return fmt.Errorf("load g rows into Casbin: %w", err)
	}
	got, err := c.enforcer.GetNamedGroupingPolicy("g")
	if err := loaded("g", len(got), len(rows), err); err != nil {
		return err
	}
	people.links(now.UnixNano(), func(member, role string) {
		if e := manager.AddLink(member, role); e != nil && err == nil {
			err = fmt.Errorf("link a member with %s: %w", role, e)
		}
	})
	return err
}

// loaded tells whether Casbin holds as many rows as it was given.
func loaded(kind string, got, want int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d of %d rows are there", got, want)
	}
	if err != nil {
		return fmt.Errorf("load %s rows into Casbin: %w", kind, err)
	}
	return nil
}

func (c *reference) grants(a *asking) (verdict, error) { return c.ask(grantsPass, a) }
func (c *reference) restrictions(a *asking) (verdict, error) {
	return c.ask(restrictionsPass, a)
}
func (c *reference) assurance(a *asking) (verdict, error) {
	return c.ask(assurancePass, a)
}

func (c *reference) field(a *asking, pass FieldPass, field string, access Access) (verdict, error) {
	return c.enforce(fieldPasses[pass], a.who.key, a.object.name, field, string(access))
}

func (c *reference) opens(a *asking, field string, access Access) (bool, error) {
	v, err := a.may(field, access)
	return v.allow, err
}

func (c *reference) viewAll(a *asking) (*model.Fields, error) {
	return a.view(a.rules.fieldTable(a.object).names)
}

func (c *reference) ask(pass casbin.EnforceContext, a *asking) (verdict, error) {
	return c.enforce(pass, a.who.key, a.object.name, a.at.action, a)
}

func (c *reference) enforce(pass casbin.EnforceContext, args ...any) (verdict, error) {
	allowed, row, err := c.enforcer.EnforceEx(append([]any{pass}, args...)...)
	if err != nil {
		return verdict{rule: noRule}, fmt.Errorf("casbin pass %s: %w", pass.MType, err)
	}
	v := verdict{allow: allowed, rule: noRule}
	if len(row) > 0 {
		v.rule = c.rules[ruleKey(pass.PType, row)]
	}
	return v, nil
}

// within is the scope and condition test of a p row. An allow row reaches a
// record only if both surely do; a deny row reaches it unless one surely does
// not.
func (c *reference) within(a *asking, scopeText, condition, effect string) bool {
	s, ok := parseScope(scopeText)
	cond, compiled := c.clause(condition)
	switch g := (grant{s, cond}); {
	case !ok || !compiled:
		return effect != allow
	case a.anyRecord && effect == allow:
		return g.scope.ways(a)&^a.denied != 0 && g.mayHold(a)
	case a.anyRecord:
		return g.scope.kind == scopeAll && g.coversWholly(a)
	case effect == allow:
		return g.reaches(a) == yes
	default:
		return g.reaches(a) != no
	}
}

// holds is the condition test of a p2 row.
func (c *reference) holds(a *asking, condition string) bool {
	cond, compiled := c.clause(condition)
	g := grant{scope{kind: scopeAll}, cond}
	switch {
	case !compiled || cond == nil:
		return false
	case a.anyRecord:
		return g.mayHold(a)
	}
	return g.reaches(a) == yes
}

// clause finds a condition among the snapshot's; none is a condition that holds.
func (c *reference) clause(text string) (cond *clause, known bool) {
	if text == "" {
		return nil, true
	}
	cond, known = c.clauses[text]
	return cond, known
}

// assured tells whether the asker's assurance proves the level, recently enough.
// What cannot be read is not proven.
func assured(a *asking, acr, maxAge string) bool {
	level, ok := parseACR(acr)
	limit, limited, readable := parseMaxAge(maxAge)
	if !limited {
		limit = anyAge
	}
	return ok && readable && a.assured(proof{level, limit})
}

// ruleKey tells rows apart; no cell holds a NUL.
func ruleKey(kind string, row []string) string {
	return kind + "\x00" + strings.Join(row, "\x00")
}

// casbinFunction makes a function of crm.conf from one over the asker and
// columns. A call of another shape is an error, which denies.
func casbinFunction(f func(*asking, []string) bool, columns int) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		if len(args) != columns+1 {
			return nil, fmt.Errorf("%d arguments, not %d", len(args), columns+1)
		}
		a, ok := args[0].(*asking)
		if !ok || a == nil {
			return nil, fmt.Errorf("the first argument is %T, not facts", args[0])
		}
		cells := make([]string, columns)
		for i, arg := range args[1:] {
			if cells[i], ok = arg.(string); !ok {
				return nil, fmt.Errorf("argument %d is %T, not text", i+2, arg)
			}
		}
		return f(a, cells), nil
	}
}
