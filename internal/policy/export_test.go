package policy

// What the tests of packages above this one share with its own: they are in
// package policy_test, since those packages import this one.

import (
	"slices"

	"github.com/casbin/casbin/v2"
	"pgregory.net/rapid"

	"rolegate/model"
)

var Noon = noon

const WorldCatalog = worldCatalog

// World is a random little company with a random little policy.
type World struct {
	world
	witness *casbin.Enforcer
}

func DrawWorld(t *rapid.T, cat *Catalog) World { return World{world: drawWorld(t, cat)} }

func DrawQuestion(t *rapid.T) (model.Question, Inputs) { return drawQuestion(t) }

func DrawRow(t *rapid.T) []string { return drawRow(t) }

// Rows are the policy's rows, kind first.
func (w World) Rows() [][]string { return slices.Clone(w.spec.rows) }

func (w World) Text() string { return w.text }

// With is the same company under other rows.
func (w World) With(t *rapid.T, rows [][]string) World {
	return World{world: makeWorld(t, rows, w.spec.dir, w.spec.cat, w.spec.strict)}
}

// View is the world as whoever answers has it.
func (w World) View() *View { return NewView(w.snap) }

// Passes asks an enforcer of Casbin's own, which holds the rows as they are, for
// what each pass says of a question.
func (w *World) Passes(t *rapid.T, q model.Question, in Inputs) (passes [3]bool) {
	if w.witness == nil {
		w.witness = oracle(t, w.spec)
	}
	for i, c := range []casbin.EnforceContext{grantsPass, restrictionsPass, assurancePass} {
		ok, err := w.witness.Enforce(c, key(q), q.Resource.Type, q.Action.Name, specFacts{q, in})
		if err != nil {
			t.Fatal(err)
		}
		passes[i] = ok
	}
	return passes
}
