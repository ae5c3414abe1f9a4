package policy

import (
	"fmt"
	"strings"

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

// casbinEngine is the Engine by Casbin's own enforcer. The enforcer is built
// once, never changed and never handed out: Casbin's ways of changing one while
// it answers lose revocations, and its caches outlive them.
type casbinEngine struct {
	enforcer *casbin.Enforcer
	rules    map[string]*Row     // by ruleKey
	fields   map[FieldQuery]bool // what p3 rows name, without subject
}

var _ Engine = (*casbinEngine)(nil)

// newCasbin builds the engine of a document and the role assignments of a
// roster.
func newCasbin(doc *Document, people *roster) (*casbinEngine, error) {
	m, err := casbinmodel.NewModelFromString(model.CasbinModel)
	if err != nil {
		return nil, fmt.Errorf("read the Casbin model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, fmt.Errorf("make a Casbin enforcer: %w", err)
	}
	enforcer.AddFunction("within", casbinFunction(func(f *Facts, s []string) bool { return within(f, s[0], s[1], s[2]) }, 3))
	enforcer.AddFunction("holds", casbinFunction(func(f *Facts, s []string) bool { return holds(f, s[0]) }, 1))
	enforcer.AddFunction("assured", casbinFunction(func(f *Facts, s []string) bool { return assured(f, s[0], s[1]) }, 2))

	c := &casbinEngine{enforcer: enforcer, rules: map[string]*Row{}, fields: map[FieldQuery]bool{}}
	if err := c.addRules(doc.Rules); err != nil {
		return nil, err
	}
	if err := c.addRoles(doc.RoleLinks, people); err != nil {
		return nil, err
	}
	return c, nil
}

// addRules loads the rows and counts them: Casbin skips what it takes for a
// repeat without saying so.
func (c *casbinEngine) addRules(rules []*Row) error {
	rows := map[string][][]string{}
	for _, r := range rules {
		rows[r.Kind] = append(rows[r.Kind], r.Row)
		c.rules[ruleKey(r.Kind, r.Row)] = r
		if r.Kind == "p3" {
			c.fields[FieldQuery{Object: r.Row[colObject], Field: r.Row[colField], Access: Access(r.Row[colAccess])}] = true
		}
	}
	for kind, want := range rows {
		if _, err := c.enforcer.AddNamedPolicies(kind, want); err != nil {
			return fmt.Errorf("load %s rows into Casbin: %w", kind, err)
		}
		got, err := c.enforcer.GetNamedPolicy(kind)
		if err := loaded(kind, len(got), len(want), err); err != nil {
			return err
		}
	}
	return nil
}

// addRoles links members with roles. The document's links are rows like any
// other. The directory's go straight to the role manager, where a link is two
// names: as rows they would be keyed by their cells joined with commas, and ids
// of people may hold commas.
func (c *casbinEngine) addRoles(links []RoleLink, people *roster) error {
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
	for member, role := range people.links() {
		if err := manager.AddLink(member, role); err != nil {
			return fmt.Errorf("link %s with %s: %w", member, role, err)
		}
	}
	return nil
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

func (c *casbinEngine) Grants(q Query) (Verdict, error)       { return c.ask(grantsPass, q) }
func (c *casbinEngine) Restrictions(q Query) (Verdict, error) { return c.ask(restrictionsPass, q) }
func (c *casbinEngine) Assurance(q Query) (Verdict, error)    { return c.ask(assurancePass, q) }

func (c *casbinEngine) Field(pass FieldPass, q FieldQuery) (Verdict, error) {
	if !c.named(q) {
		return Verdict{Allow: pass != Opened}, nil
	}
	return c.enforce(fieldPasses[pass], q.Subject, q.Object, q.Field, string(q.Access))
}

// named tells whether any row could match the query. An object may have
// hundreds of fields and few rules, and Casbin looks at every row each time.
func (c *casbinEngine) named(q FieldQuery) bool {
	q.Subject = ""
	if c.fields[q] {
		return true
	}
	q.Object = everything
	return c.fields[q]
}

func (c *casbinEngine) ask(pass casbin.EnforceContext, q Query) (Verdict, error) {
	return c.enforce(pass, q.Subject, q.Object, q.Action, q.Facts)
}

func (c *casbinEngine) enforce(pass casbin.EnforceContext, args ...any) (Verdict, error) {
	allowed, row, err := c.enforcer.EnforceEx(append([]any{pass}, args...)...)
	if err != nil {
		return Verdict{}, fmt.Errorf("casbin pass %s: %w", pass.MType, err)
	}
	v := Verdict{Allow: allowed}
	if len(row) > 0 {
		v.Rule = c.rules[ruleKey(pass.PType, row)]
	}
	return v, nil
}

// ruleKey tells rows apart; no cell holds a NUL.
func ruleKey(kind string, row []string) string {
	return kind + "\x00" + strings.Join(row, "\x00")
}

// casbinFunction makes a function of crm.conf from one over facts and columns.
// A call of another shape is an error, which denies.
func casbinFunction(f func(*Facts, []string) bool, columns int) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		if len(args) != columns+1 {
			return nil, fmt.Errorf("%d arguments, not %d", len(args), columns+1)
		}
		facts, ok := args[0].(*Facts)
		if !ok || facts == nil {
			return nil, fmt.Errorf("the first argument is %T, not facts", args[0])
		}
		cells := make([]string, columns)
		for i, a := range args[1:] {
			if cells[i], ok = a.(string); !ok {
				return nil, fmt.Errorf("argument %d is %T, not text", i+2, a)
			}
		}
		return f(facts, cells), nil
	}
}
