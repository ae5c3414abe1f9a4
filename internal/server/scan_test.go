package server

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rolegate/internal/policy"
	"rolegate/model"
)

// strictly reads a single question the slow way.
func strictly(text string) (policy.Request, error) {
	tree, err := parse([]byte(text), model.DefaultLimits().Nesting)
	if err != nil {
		return policy.Request{}, err
	}
	a, err := questionOf(tree).read()
	return a.Request, err
}

// strictlyBatch reads a batch the slow way; ok tells whether it is one, of good
// items only.
func strictlyBatch(text string) (rs []policy.Request, sem policy.Semantic, ok bool) {
	tree, err := parse([]byte(text), model.DefaultLimits().Nesting)
	if err != nil {
		return nil, "", false
	}
	items, err := get(tree, "", "evaluations").optionalArray()
	if err != nil || len(items) == 0 || len(items) > model.DefaultLimits().Batch {
		return nil, "", false
	}
	if sem, err = semanticOf(tree); err != nil {
		return nil, "", false
	}
	b := readBatch(questionOf(tree), items)
	for _, err := range b.failures {
		if err != nil {
			return nil, "", false
		}
	}
	return b.requests, sem, true
}

// checkScan holds the scanner to parse: what it takes, parse takes, and means
// the same by.
func checkScan(t interface{ Fatalf(string, ...any) }, text string) (taken bool) {
	if got, ok := scanEvaluation(text, model.DefaultLimits().Nesting); ok {
		taken = true
		if want, err := strictly(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nscanned as %#v\n    want %#v, %v", text, got, want, err)
		}
	}
	if got, sem, ok := scanEvaluations(text, model.DefaultLimits()); ok {
		taken = true
		if want, wantSem, good := strictlyBatch(text); !good || sem != wantSem || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nscanned as %s %#v\n    want %s %#v, %v", text, sem, got, wantSem, want, good)
		}
	}
	return taken
}

// The requests that CRMs send take the fast way.
func TestScanTakes(t *testing.T) {
	for _, text := range []string{
		aliceReads,
		" { \"subject\" :\t{\"id\":\"alice\", \"type\":\"user\"}\r\n, \"resource\":{\"type\":\"contact\",\"id\":\"*\"},\"action\":{\"name\":\"read\"}} \n",
		ask("subject", `{"type":"user","id":"王芳","properties":{"region":"EU","n":null,"list":[],"deep":{"a":[{"b":[true,false]}]}}}`),
		ask("subject", `{"type":"user","id":"\u738b\u82b3 \ud83d\ude00 \"x\" \\"}`),
		ask("action", `{"name":"update","properties":{"fields":["a","b"],"soft":true}}`),
		ask("resource", `{"type":"deal","id":"7","properties":{"amount":12.5e3,"neg":-0,"z":0,"é":1,"q\"":2}}`),
		ask("context", `{"ip":"10.0.0.1","access_token":"aaa.bbb.ccc","min_revision":42}`),
		ask("context", `{"\u0061ccess_token":"aaa","min_revision":0}`),
		ask("context", "{}"),
		ask("context", nested(63)),
		batchOf(50),
		`{"evaluations":[` + aliceReads + `,` + ask("context", `{"a":1}`) + `]}`,
		ask("evaluations", `[{},{"context":{}},{"action":{"name":"x"},"subject":{"type":"user","id":"b"}}]`, "context", `{"access_token":"t","a":1}`, "options", `{"evaluations_semantic":"deny_on_first_deny","x":1}`),
		ask("evaluations", "[{}]", "options", "{}"),
	} {
		if !checkScan(t, text) {
			t.Errorf("left to the slow way: %s", text)
		}
	}
}

// What is malformed, or only unusual, does not: there is one judge of requests.
func TestScanLeaves(t *testing.T) {
	good := func(subject string) string { return ask("subject", subject) }
	for _, text := range []string{
		"", " ", "{", "{}", "[]", "null", `"x"`, "\ufeff" + aliceReads, aliceReads + "x", aliceReads + aliceReads, aliceReads[:len(aliceReads)-1],
		aliceReads[:len(aliceReads)-1] + ",}", strings.Replace(aliceReads, "subject", "Subject", 1), ask("x", "1"),
		`{"subject":{"type":"user","id":"b"},` + aliceReads[1:], `{"\u0073ubject":{"type":"user","id":"b"},` + aliceReads[1:],
		good("null"), good("{}"), good("[]"), good(`{"type":"user"}`), good(`{"type":"user","id":""}`), good(`{"type":"user","id":1}`),
		good(`{"type":"user","id":"a","id":"b"}`), good(`{"type":"user","id":"a","properties":null}`), good(`{"type":"user","id":"a","x":1}`),
		good(`{"type":"user","id":"\u0000"}`), good("{\"type\":\"user\",\"id\":\"a\tb\"}"), good(`{"type":"user","id":"\ud800"}`), good(`{"type":"user","id":"\q"}`),
		good(`{"type":"user","id":"` + strings.Repeat("x", maxName+1) + `"}`), good("{\"type\":\"user\",\"id\":\"\xff\"}"),
		good(`{"type":"user","id":"a","properties":{"a":1,"a":2}}`), good(`{"type":"user","id":"a","properties":{"a":1,"\u0061":2}}`),
		good(`{"type":"user","id":"a","properties":{"a":1e400}}`), good(`{"type":"user","id":"a","properties":{"a":01}}`), good(`{"type":"user","id":"a","properties":{"a":1.}}`),
		good(`{"type":"user","id":"a","properties":{"a":+1}}`), good(`{"type":"user","id":"a","properties":{"a":[1,]}}`), good(`{"type":"user","id":"a","properties":{"a":nul}}`),
		ask("context", "null"), ask("context", nested(64)), ask("context", `{"a":`+strings.Repeat("[", 63)+strings.Repeat("]", 63)+"}"),
		ask("context", `{"access_token":null}`), ask("context", `{"access_token":"a","access_token":"b"}`), ask("context", `{"access_token":"a","\u0061ccess_token":"b"}`),
		ask("context", `{"min_revision":-1}`), ask("context", `{"min_revision":1.5}`), ask("context", `{"min_revision":1,"min_revision":1}`),
		ask("resource", `{"type":"contact","id":"*","properties":{"a":1}}`),
		ask("evaluations", "[]"), ask("evaluations", "null"), ask("evaluations", "[{}"), ask("evaluations", "[{},]"), ask("evaluations", `[7]`), ask("evaluations", `[{"subject":null}]`),
		ask("evaluations", "[]")[:len(ask("evaluations", "[]"))-1] + `,"evaluations":[{}]}`,
		ask("evaluations", "[{}]", "subject", ""), ask("evaluations", "[{}]", "options", "null"), ask("evaluations", "[{}]", "options", `{"evaluations_semantic":null}`),
		ask("evaluations", "[{}]", "options", `{"evaluations_semantic":"first"}`), ask("evaluations", "[{}]", "options", `{"a":1,"a":2}`),
		ask("evaluations", "["+strings.Repeat("{},", model.DefaultLimits().Batch)+"{}]"),
	} {
		if checkScan(t, text) {
			t.Errorf("taken: %s", text)
		}
	}
}

// Requests made at random, most of them nearly right, mean the same both ways.
func TestScanMeansWhatParseMeans(t *testing.T) {
	taken, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		all++
		if checkScan(rt, drawRequest(rt)) {
			taken++
		}
	})
	if taken < all/10 {
		t.Errorf("%d of %d requests took the fast way", taken, all)
	}
}

func drawRequest(t *rapid.T) string {
	type made struct {
		name  string
		value func(*rapid.T) string
	}
	all := []made{{"subject", drawEntity}, {"action", drawAction}, {"resource", drawEntity}, {"context", drawContext}}
	if rapid.Bool().Draw(t, "batch") {
		all = append(all, made{"evaluations", drawItems}, made{"options", drawOptions})
	}
	members := []string{}
	for _, m := range all {
		if often(t) {
			members = append(members, fmt.Sprintf("%q:%s", m.name, m.value(t)))
		}
	}
	text := "{" + strings.Join(rapid.Permutation(members).Draw(t, "order"), rapid.SampledFrom([]string{",", " , "}).Draw(t, "comma")) + "}"
	if !often(t) && len(text) > 2 {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text = text[:at] + rapid.SampledFrom([]string{"", "\"", "}", ",", "\\", "\xff", "0", " "}).Draw(t, "what") + text[at+1:]
	}
	return text
}

func drawEntity(t *rapid.T) string {
	return drawObject(t, [2]string{"type", drawName(t)}, [2]string{"id", drawID(t)}, [2]string{"properties", drawProperties(t)})
}

func drawID(t *rapid.T) string {
	if rapid.IntRange(0, 4).Draw(t, "any") == 2 {
		return `"*"`
	}
	return drawName(t)
}

func drawAction(t *rapid.T) string {
	properties := drawProperties(t)
	if rapid.Bool().Draw(t, "fields") {
		strict := "true"
		if !often(t) {
			strict = "1"
		}
		properties = drawObject(t, [2]string{"fields", `["a",` + drawName(t) + `]`}, [2]string{"strict_fields", strict}, [2]string{"changes", drawProperties(t)})
	}
	return drawObject(t, [2]string{"name", drawName(t)}, [2]string{"properties", properties})
}

func drawContext(t *rapid.T) string {
	return drawObject(t, [2]string{"ip", drawValue(t, 2)}, [2]string{"access_token", drawName(t)},
		[2]string{"min_revision", rapid.SampledFrom([]string{"1", "9007199254740992", "9007199254740994", "-0", "1e3", "null"}).Draw(t, "revision")})
}

func drawOptions(t *rapid.T) string {
	return drawObject(t, [2]string{"evaluations_semantic", rapid.SampledFrom([]string{`"execute_all"`, `"deny_on_first_deny"`, `"x"`, "1"}).Draw(t, "semantic")})
}

func drawItems(t *rapid.T) string {
	items := []string{}
	for range rapid.IntRange(0, 4).Draw(t, "items") {
		items = append(items, drawObject(t, [2]string{"resource", drawEntity(t)}, [2]string{"action", drawAction(t)}, [2]string{"context", drawContext(t)}))
	}
	return "[" + strings.Join(items, ",") + "]"
}

// drawObject has each of the members, or sometimes not.
func drawObject(t *rapid.T, members ...[2]string) string {
	parts := []string{}
	for _, m := range members {
		if often(t) {
			parts = append(parts, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// often is true nearly always: a request is mostly right. (rapid prefers the ends
// of a range, so what is rare lies in its middle.)
func often(t *rapid.T) bool { return rapid.IntRange(0, 149).Draw(t, "often") != 77 }

func drawName(t *rapid.T) string {
	if often(t) {
		return rapid.SampledFrom([]string{`"a"`, `"contact"`, `"王"`, `"\u738b\n"`}).Draw(t, "name")
	}
	return rapid.SampledFrom([]string{`""`, `"*"`, `"\u0000"`, "7", "null"}).Draw(t, "no name")
}

func drawProperties(t *rapid.T) string {
	if often(t) {
		return drawObject(t, [2]string{"a", drawValue(t, 2)}, [2]string{"b", drawValue(t, 2)})
	}
	return drawValue(t, 2)
}

func drawValue(t *rapid.T, depth int) string {
	if !often(t) {
		return rapid.SampledFrom([]string{"1e400", "01", `{"a":1,"\u0061":2}`, `"\ud800"`, "nul", "[1,]"}).Draw(t, "no value")
	}
	kinds := 2
	if depth > 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case 1:
		return rapid.SampledFrom([]string{"0", "-1", "1.5", "-0.0e-0", "1E+2", "1e-999"}).Draw(t, "number")
	case 2:
		return drawName(t)
	case 3:
		return "[" + drawValue(t, depth-1) + "," + drawValue(t, depth-1) + "]"
	}
	return drawObject(t, [2]string{"a", drawValue(t, depth-1)}, [2]string{"\u00e9", drawValue(t, depth-1)})
}

// FuzzScan holds the scanner to parse on any bytes at all.
func FuzzScan(f *testing.F) {
	for _, s := range []string{aliceReads, batchOf(2), ask("context", `{"access_token":"a","min_revision":1,"x":{"y":[1,"\u00e9",null]}}`),
		ask("evaluations", `[{},{"context":{}}]`, "options", `{"evaluations_semantic":"execute_all"}`), ask("subject", `{"type":"\ud83d\ude00","id":"\"","properties":{"a":-1.5e3}}`)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkScan(t, text) })
}

func BenchmarkScan(b *testing.B) {
	for name, text := range map[string]string{"evaluation": aliceReads,
		"properties": ask("resource", `{"type":"contact","id":"101","properties":{"owner":"user:alice","stage":"won","amount":1200}}`, "context", `{"ip":"10.0.0.1"}`)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := scanEvaluation(text, model.DefaultLimits().Nesting); !ok {
					b.Fatal("left")
				}
			}
		})
	}
	b.Run("batch50", func(b *testing.B) {
		text := batchOf(50)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, ok := scanEvaluations(text, model.DefaultLimits()); !ok {
				b.Fatal("left")
			}
		}
	})
	b.Run("strict", func(b *testing.B) {
		for b.Loop() {
			if _, err := strictly(aliceReads); err != nil {
				b.Fatal(err)
			}
		}
	})
}
