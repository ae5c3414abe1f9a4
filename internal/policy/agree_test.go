package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rolegate/api/filter"
	"rolegate/model"
)

// TestAllAnswersAgree: over the same random worlds a single check, a batch, a
// search, a list filter, an explanation and the permissions say the same of every
// registered record.
func TestAllAnswersAgree(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	cat := mustCatalog(t, listCatalog)
	kinds, allowed, records := map[filter.Kind]int{}, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawListWorld(t, cat)
		for w.spec.strict { // which is a setting of the tenant
			w = drawListWorld(t, cat)
		}
		var rows []map[string]any
		var stored []model.Resource
		for i := range 8 {
			row := drawTableRow(t)
			rows = append(rows, row)
			stored = append(stored, model.Resource{Type: "deal", ID: fmt.Sprint(i), Attributes: row})
		}
		caller := h.tenant(t, listCatalog, w.text, w.spec.dir, stored)
		caller.Scopes = []string{"decide", "explain"}
		caller.Client.TrustSubjectProperties = rapid.Bool().Draw(t, "trust")
		for range 4 {
			q, _ := drawQuestion(t)
			q.Subject = model.Entity{Type: "user", ID: pick(t, "ann", "bob", "cyd", "dan"), Properties: q.Subject.Properties}
			q.Action = model.Action{Name: pick(t, "read", "read", "update", "export")}
			q.Resource = model.Entity{Type: "deal"}
			r := Request{Question: q}
			if rapid.Bool().Draw(t, "token") {
				token := "token of " + q.Subject.ID
				r.AccessToken = &token
			}
			listed, err := h.Filter(ctx, caller, r)
			if err != nil {
				t.Fatalf("%s\n%+v: %v", w.text, q, err)
			}
			kinds[listed.Filter.Kind]++

			var batch []Request
			for i := range rows {
				one := r
				one.Question.Resource.ID = fmt.Sprint(i)
				batch = append(batch, one)
			}
			answers, err := h.EvaluateBatch(ctx, caller, batch, ExecuteAll)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for i, one := range batch {
				single, err := h.Evaluate(ctx, caller, one)
				if err != nil || single.Allow != answers[i].Allow || single.Code != answers[i].Code {
					t.Fatalf("alone %s (%v), in a batch %s", single.Code, err, answers[i].Code)
				}
				explained, err := h.Explain(ctx, caller, ExplainRequest{Request: one})
				if err != nil || explained.Allow != single.Allow || explained.Code != single.Code {
					t.Fatalf("decided %s, explained %s (%v)", single.Code, explained.Code, err)
				}
				rows[i]["id"] = one.Question.Resource.ID
				passes, err := listed.Filter.Passes(column(rows[i]))
				if err != nil || passes != single.Allow {
					t.Fatalf("policy:\n%s\nquestion: %+v\nrecord: %+v\ndecided %s, and the filter lets it through: %v (%v)\n%s", w.text, q, rows[i], single.Code, passes, err, asText(listed))
				}
				delete(rows[i], "id")
				records++
				if single.Allow {
					found = append(found, one.Question.Resource.ID)
					allowed++
				}
			}
			slices.Sort(found)
			searched, _ := h.all(t, caller, SearchRequest{Request: r, Kind: SearchResource, Limit: 3})
			if diff := cmp.Diff(found, searched); diff != "" && len(found)+len(searched) > 0 {
				t.Fatalf("policy:\n%s\nquestion: %+v\n(-decided +found)\n%s", w.text, q, diff)
			}
			checkPermitted(t, h, caller, w, r, listed, len(found) == len(rows))
		}
	})
	t.Log(records, "records,", allowed, "allowed;", kinds)
	if !testing.Short() && (allowed < records/20 || len(kinds) < 3) {
		t.Error("the generator is too tame")
	}
}

// checkPermitted holds what a subject may do at all against the decision without
// a record and against the list. Permissions are asked without what a question
// says of its subject and context, and leave proofs of identity aside.
func checkPermitted(t *rapid.T, h *house, caller model.Caller, w world, r Request, listed Listed, all bool) {
	if len(r.Question.Subject.Properties)+len(r.Question.Context) > 0 && strings.Contains(w.text, "request.") || caller.Client.TrustSubjectProperties {
		return
	}
	p, err := h.Permissions(context.Background(), caller, PermissionsRequest{Subject: r.Question.Subject, Object: "deal", AccessToken: r.AccessToken})
	if err != nil {
		t.Fatal(err)
	}
	kind := p.Objects["deal"].Actions[r.Question.Action.Name].Kind
	if p.Code != model.ReasonAllowed {
		kind = model.PermittedNever
	}
	stepUp := listed.Code == model.ReasonStepUp
	switch {
	case kind == model.PermittedAlways && !all && !stepUp,
		(kind == model.PermittedAlways) != (listed.Filter.Kind == filter.Always) && !stepUp,
		(kind == model.PermittedNever) != (listed.Filter.Kind == filter.Never) && !stepUp:
		t.Fatalf("policy:\n%s\nquestion: %+v\npermitted: %s\nlisted: %s", w.text, r.Question, kind, asText(listed))
	}
}
