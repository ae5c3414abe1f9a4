package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"rolegate/api"
	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/model"
)

// encoded is a wire value as write would send it.
func encoded(t interface{ Fatalf(string, ...any) }, v any) string {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(b)
}

// Decisions are written byte by byte as a library would encode the contract's
// own types.
func TestAnswersAreTheContracts(t *testing.T) {
	seen := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		q, d := drawQuestion(rt), drawDecision(rt)
		lang := rapid.SampledFrom(i18n.Langs).Draw(rt, "language")
		a := newAnswerWriter(lang)
		a.decision(&q, &d, "")
		reference := answerOf(lang, q, d)
		if got, want := string(a.out), encoded(rt, reference); d.Code != model.CodeInternal && d.Code != model.CodeRevisionBehind && d.Code != model.ReasonItemInvalid && got != want {
			rt.Fatalf("decision:\n got %s\nwant %s", got, want)
		}
		failure := rapid.SampledFrom([]error{nil, errors.New("not of the input"), invalid(i18n.Missing, "subject.\"id\"")}).Draw(rt, "failure")
		a = newAnswerWriter(lang)
		a.item(&q, failure, &d)
		want := itemAnswerOf(lang, q, failure, d)
		if got, want := string(a.out), encoded(rt, want); got != want {
			rt.Fatalf("item:\n got %s\nwant %s", got, want)
		}
		for i, v := range reflect.ValueOf(want.Context).Fields() {
			if !v.IsZero() {
				seen[i.Name] = true
			}
		}
	})
	for field := range reflect.TypeFor[api.DecisionContext]().Fields() {
		if !seen[field.Name] {
			t.Errorf("no decision has %s: a member of the contract that is never written", field.Name)
		}
	}
}

func drawText(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "contact", "王芳", "a\"b\\c", "\x00\x1f\x7f\b\f\n\r\t", "\xff\xc0\xaf", "\xed\xa0\x80", "\u2028<&>", "😀", "\xe7\x8e"}), rapid.String(),
	).Draw(t, label)
}

func drawTexts(t *rapid.T, label string) []string {
	if rapid.Bool().Draw(t, "nil "+label) {
		return nil
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawText(t, label) }), 0, 3).Draw(t, label)
}

func drawQuestion(t *rapid.T) model.Question {
	return model.Question{
		Subject:  model.Entity{Type: drawText(t, "subject.type"), ID: drawText(t, "subject.id")},
		Action:   model.Action{Name: drawText(t, "action")},
		Resource: model.Entity{Type: drawText(t, "resource.type"), ID: rapid.SampledFrom([]string{"*", "1", "é\""}).Draw(t, "resource.id")},
	}
}

func drawDecision(t *rapid.T) model.Decision {
	d := model.Decision{
		Allow: rapid.Bool().Draw(t, "allow"),
		Code: rapid.SampledFrom([]model.Code{model.ReasonAllowed, model.ReasonNotGranted, model.ReasonDenied, model.ReasonStepUp, model.ReasonFieldsClosed,
			model.ReasonRequiredAction, model.ReasonItemInvalid, model.CodeInternal, model.CodeRevisionBehind, model.ReasonRestricted, "made \"up\""}).Draw(t, "code"),
		Closed:    drawTexts(t, "closed"),
		Required:  drawText(t, "required"),
		AnyRecord: rapid.Bool().Draw(t, "any record"),
		Revision:  rapid.Int64().Draw(t, "revision"),
	}
	if rapid.Bool().Draw(t, "rule") {
		d.Rule = model.Rule{Kind: rapid.SampledFrom([]string{"", "p", "p4"}).Draw(t, "kind"), Text: drawText(t, "row"), Name: drawText(t, "name"), Line: rapid.IntRange(0, 3).Draw(t, "line")}
	}
	if rapid.Bool().Draw(t, "fields") {
		d.Fields = &model.Fields{Hidden: drawTexts(t, "hidden"), Masked: drawTexts(t, "masked"), ReadOnly: drawTexts(t, "read-only"),
			Open: drawTexts(t, "open"), Masks: rapid.MapOfN(rapid.String(), rapid.String(), 0, 4).Draw(t, "masks")}
	}
	if rapid.Bool().Draw(t, "step-up") || d.Code == model.ReasonStepUp {
		d.StepUp = &model.StepUp{ACR: rapid.IntRange(0, 4).Draw(t, "acr"), MaxAge: time.Duration(rapid.Int64Range(0, 3).Draw(t, "age")) * time.Second}
	}
	return d
}

// One answer goes out in one write, with its length.
func TestAnswersAreOneWrite(t *testing.T) {
	h := newHarness(t)
	for path, body := range map[string]string{"evaluation": aliceReads, "evaluations": batchOf(200)} {
		w := &counting{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("POST", "/access/v1/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer client-token")
		h.server.Handler().ServeHTTP(w, r)
		if got, want := w.Header().Get("Content-Length"), strconv.Itoa(w.Body.Len()); w.writes != 1 || got != want || w.Code != 200 {
			t.Errorf("%s: %d in %d writes, Content-Length %s, want %s", path, w.Code, w.writes, got, want)
		}
	}
}

type counting struct {
	*httptest.ResponseRecorder
	writes int
}

func (c *counting) Write(p []byte) (int, error) {
	c.writes++
	return c.ResponseRecorder.Write(p)
}

// Requests that are answered at the same time, well and badly, one and many,
// share buffers, and never see what is another's.
func TestNothingLeaksBetweenRequests(t *testing.T) {
	h := newHarness(t)
	s := *h.server
	decider := &echo{}
	s.Logger, s.Decider, s.Recorder = discard(), decider, fine{}
	handler := s.Handler()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 300 {
				id := strings.Repeat(strconv.Itoa(worker), 1+(i*7)%200) + "-" + strconv.Itoa(i)
				subject := `{"type":"user","id":"` + id + `"}`
				path, body, status := "evaluation", ask("subject", subject, "context", `{"access_token":"`+id+`"}`), 200
				switch i % 5 {
				case 1:
					path, body = "evaluations", ask("subject", subject, "evaluations", strings.Replace(records("1", "2", "3"), `"1"`, `"`+id+`"`, 1))
				case 2:
					body = ask("subject", subject, "x", `"`+id+`"`) // the slow way
				case 3:
					body, status = ask("subject", subject, "resource", `{"type":"x","id":"*","properties":{"`+id+`":1}}`), 400
				case 4:
					path, body = "evaluations", ask("subject", subject, "evaluations", `[{},{"action":7},{"resource":{"type":"`+id+`","id":"1"}}]`)
				}
				r := httptest.NewRequest("POST", "/access/v1/"+path, strings.NewReader(body))
				r.Header = http.Header{"Content-Type": typeJSON, "Authorization": {"Bearer client-token"}, "X-Request-Id": {id}}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != status || w.Header().Get("X-Request-ID") != id {
					t.Errorf("%s: %d, X-Request-ID %q\n%s", body, w.Code, w.Header().Get("X-Request-ID"), w.Body)
				}
				if status == 200 && !strings.Contains(w.Body.String(), "user:"+id+" ") {
					t.Errorf("%s is not answered about itself: %s", id, w.Body)
				}
				for other := range 8 {
					if other != worker && strings.Contains(w.Body.String(), "user:"+strconv.Itoa(other)) {
						t.Errorf("%s is told of another: %s", id, w.Body)
					}
				}
			}
		})
	}
	wg.Wait()
	decider.kept.Range(func(sent, _ any) bool {
		q := sent.(*policy.Request)
		if id := q.Question.Subject.ID; q.AccessToken != nil && *q.AccessToken != id {
			t.Errorf("the question of %s was altered after its answer: %v", id, *q.AccessToken)
		}
		return true
	})
}

// echo denies, and keeps every question beyond its answer, as a log might.
type echo struct {
	Decider
	kept sync.Map
}

func (e *echo) Evaluate(_ context.Context, _ model.Caller, q policy.Request) (model.Decision, error) {
	e.kept.Store(&q, nil)
	return model.Decision{Code: model.ReasonNotGranted, Revision: 1}, nil
}

func (e *echo) EvaluateBatch(ctx context.Context, c model.Caller, rs []policy.Request, _ policy.Semantic) ([]model.Decision, error) {
	ds := make([]model.Decision, len(rs))
	for i, q := range rs {
		ds[i], _ = e.Evaluate(ctx, c, q)
	}
	return ds, nil
}

func discard() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// fine records whatever it is told.
type fine struct{}

func (fine) RecordFailure(context.Context, model.Caller, string, model.Code) error { return nil }
