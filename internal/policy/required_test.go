package policy

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/api/filter"
	"rolegate/internal/store"
	"rolegate/model"
)

// levelByToken takes "token of NAME" for NAME's, of the level given.
type levelByToken int

func (l levelByToken) Assurance(ctx context.Context, tenant, user, raw string) (model.Assurance, error) {
	a, err := tokensByName{}.Assurance(ctx, tenant, user, raw)
	a.Level = int(l)
	return a, err
}

// A session that was opened with a password is enough until a second factor is
// required of its person, and no longer, on every surface that takes the token.
// Without a token nothing changes.
func TestSecondFactorIsFeltAtOnce(t *testing.T) {
	needed := &model.StepUp{ACR: 2}
	for name, c := range map[string]struct {
		mfa   model.MFAMode
		role  model.Role // of ann, beside rep
		from  time.Time
		level int
		want  bool // a second factor is asked for
	}{
		"no role asks":             {model.MFAByRole, model.Role{ID: "clerk"}, time.Time{}, 1, false},
		"a role asks":              {model.MFAByRole, model.Role{ID: "lead", RequireMFA: true}, time.Time{}, 1, true},
		"an office asks":           {model.MFAByRole, model.Role{ID: model.AuditAdmin}, time.Time{}, 1, true},
		"a role asks, it is given": {model.MFAByRole, model.Role{ID: "lead", RequireMFA: true}, time.Time{}, 2, false},
		"a role will ask":          {model.MFAByRole, model.Role{ID: "lead", RequireMFA: true}, noon.Add(time.Second), 1, false},
		"a role asks from now on":  {model.MFAByRole, model.Role{ID: "lead", RequireMFA: true}, noon, 1, true},
		"the tenant asks":          {model.MFAEveryone, model.Role{ID: "clerk"}, time.Time{}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.Assurer = levelByToken(c.level)
			ctx := t.Context()
			caller := h.tenant(t, routesCatalog, forwardPolicy, model.Directory{
				Subjects:    []model.Subject{{Type: "user", ID: "ann"}},
				Assignments: []model.Assignment{{Member: "user:ann", Role: "rep"}},
			}, []model.Resource{{Type: "contact", ID: "17", Attributes: map[string]any{"owner": "ann"}}})
			caller.Scopes = append(caller.Scopes, explainScope)
			change(t, h, caller.Tenant, func(tx store.Tx) error {
				tenant, err := tx.Tenant(ctx, caller.Tenant)
				if err != nil {
					return err
				}
				tenant.MFA = model.MFAByRole
				return tx.UpdateTenant(ctx, tenant)
			})
			token := "token of ann"
			r := Request{Question: ask("ann", "read", "contact", "17", nil), AccessToken: &token}
			if d, err := h.Evaluate(ctx, caller, r); err != nil || !d.Allow {
				t.Fatalf("before: %v, %v", d, err)
			}

			change(t, h, caller.Tenant, func(tx store.Tx) error {
				if err := tx.PutRole(ctx, caller.Tenant, c.role); err != nil {
					return err
				}
				tenant, err := tx.Tenant(ctx, caller.Tenant)
				if err != nil {
					return err
				}
				tenant.MFA = c.mfa
				if err := tx.UpdateTenant(ctx, tenant); err != nil {
					return err
				}
				return tx.PutAssignment(ctx, caller.Tenant, model.Assignment{Member: "user:ann", Role: c.role.ID, From: c.from})
			})
			check := func(what string, d model.Decision, err error) {
				t.Helper()
				var stepUp *model.StepUp
				code := model.ReasonAllowed
				if c.want {
					stepUp, code = needed, model.ReasonStepUp
				}
				if err != nil || d.Allow == c.want || d.Code != code {
					t.Errorf("%s: %v %s, %v", what, d.Allow, d.Code, err)
				}
				if diff := cmp.Diff(stepUp, d.StepUp); diff != "" {
					t.Errorf("%s: step-up (-want +got): %s", what, diff)
				}
			}
			d, err := h.Evaluate(ctx, caller, r)
			check("evaluation", d, err)
			batch, err := h.EvaluateBatch(ctx, caller, []Request{r}, ExecuteAll)
			check("batch", batch[0], err)
			f, err := h.Forward(ctx, caller, by("ann", "GET", "/api/contacts/17"))
			check("forward", f.Decision, err)
			l, err := h.Filter(ctx, caller, r)
			check("filter", l.Decision, err)
			if never := l.Filter.Kind == filter.Never; never != c.want {
				t.Errorf("filter: %v", l.Filter.Kind)
			}
			found, _ := h.all(t, caller, SearchRequest{Request: r, Kind: SearchResource, Limit: 9})
			if (len(found) == 0) != c.want {
				t.Errorf("search finds %v", found)
			}
			e, err := h.Explain(ctx, caller, ExplainRequest{Request: r})
			if err != nil || e.Allow == c.want || c.want && (len(e.Gates) != 1 || e.Gates[0].Code != model.ReasonStepUp || e.StepUp.ACR != 2) {
				t.Errorf("explanation: %v, %v", e.Explanation, err)
			}
			p, err := h.Permissions(ctx, caller, PermissionsRequest{Subject: model.Entity{Type: "user", ID: "ann"}, AccessToken: &token})
			if err != nil || (p.Code == model.ReasonStepUp) != c.want || (len(p.Objects) == 0) != c.want {
				t.Errorf("permissions: %s, %v", p.Code, err)
			}

			a, err := h.Administers(ctx, caller.Tenant, 0, "ann", model.Assurance{Level: c.level}, Act{Object: "contact", Action: "read", ID: "17", Of: "ann"})
			if err != nil || (a.Code == model.ReasonStepUp) != c.want {
				t.Errorf("administration: %s, %v", a.Code, err)
			}

			r.AccessToken = nil
			if d, err := h.Evaluate(ctx, caller, r); err != nil || !d.Allow {
				t.Errorf("without a token: %v, %v", d, err)
			}
		})
	}
}

// change writes to a tenant and its directory, and notes it.
func change(t *testing.T, h *house, tenant string, write func(store.Tx) error) {
	t.Helper()
	err := h.Store.InTx(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Bump(t.Context(), tenant, store.Change{Kind: store.ChangedDirectory}, store.Change{Kind: store.ChangedTenant}); err != nil {
			return err
		}
		return write(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkDemandsMore is what a token of level 1 costs a decision beyond the
// token itself.
func BenchmarkDemandsMore(b *testing.B) {
	dir := company()
	dir.Roles = []model.Role{{ID: "rep"}, {ID: "lead", RequireMFA: true}}
	s := mustSnapshot(b, "g, role:boss, role:lead", nil, dir)
	s.tenant.MFA = model.MFAByRole
	who := model.Entity{Type: "user", ID: "ann"}
	b.ReportAllocs()
	for b.Loop() {
		if s.demandsMore(who, model.Assurance{Level: 1}, noon) {
			b.Fatal("nobody asks")
		}
	}
}
