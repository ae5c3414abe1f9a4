package server

import (
	"fmt"
	"strings"
	"testing"

	"rolegate/model"
)

// names is a JSON array of n field names.
func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"f%d"`, i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// What action.properties says about fields, and a star where one name is due, is
// no question: it is refused wherever it is sent, with the member's path, and
// never answered by a silent no or an empty list.
func TestMalformedQuestions(t *testing.T) {
	fields := func(properties string) string { return `{"name":"read","properties":` + properties + `}` }
	const list = ` must be an array of field names, none of them empty, "*" or longer than 256 bytes.`
	const listZH = ` 必须是由字段名组成的数组，且字段名不能为空、不能为 “*”、不能超过 256 字节。`
	for _, c := range []struct {
		member, value string
		code          model.Code
		path, en, zh  string // en and zh without the member before them
	}{
		{"action", fields(`{"fields":"name"}`), model.CodeInvalidRequest, "action.properties.fields", list, listZH},
		{"action", fields(`{"return_fields":[1]}`), model.CodeInvalidRequest, "action.properties.return_fields", list, listZH},
		{"action", fields(`{"filter_fields":{}}`), model.CodeInvalidRequest, "action.properties.filter_fields", list, listZH},
		{"action", fields(`{"sort_fields":["*"]}`), model.CodeInvalidRequest, "action.properties.sort_fields", list, listZH},
		{"action", fields(`{"aggregate_fields":[""]}`), model.CodeInvalidRequest, "action.properties.aggregate_fields", list, listZH},
		{"action", fields(`{"fields":["` + strings.Repeat("x", 257) + `"]}`), model.CodeInvalidRequest, "action.properties.fields", list, listZH},
		{"action", fields(`{"changes":["name"]}`), model.CodeInvalidRequest, "action.properties.changes", " must be an object.", " 必须是对象。"},
		{"action", fields(`{"strict_fields":"yes"}`), model.CodeInvalidRequest, "action.properties.strict_fields", " must be true or false.", " 必须是 true 或 false。"},
		{"action", `{"name":"*"}`, model.CodeInvalidRequest, "action.name", ` must name one thing, and "*" stands for all.`, " 必须是一个具体的名称，而 “*” 代表全部。"},
		{"resource", `{"type":"*","id":"1"}`, model.CodeInvalidRequest, "resource.type", ` must name one thing, and "*" stands for all.`, " 必须是一个具体的名称，而 “*” 代表全部。"},
		{"action", fields(`{"fields":` + names(2000) + `,"changes":{"a":1},"sort_fields":` + names(48) + `}`), model.CodeInvalidRequest, "action.properties",
			" name more than 2048 fields in all.", " 中各列表和 changes 所列字段合计超过 2048 个。"},
	} {
		if checkScan(t, ask(c.member, c.value)) || checkScan(t, ask("evaluations", "[{}]", c.member, c.value)) {
			t.Errorf("the scanner takes %s", c.value)
		}
		says := func(path string) (en, zh string) {
			if c.path == "action.properties" {
				return `The lists and changes of "` + path + `"` + c.en, "“" + path + "”" + c.zh
			}
			return `The member "` + path + `"` + c.en, "成员 “" + path + "”" + c.zh
		}
		en, zh := says(c.path)
		for _, route := range []string{"evaluation", "evaluations", "search/subject"} {
			body := ask(c.member, c.value)
			if route == "search/subject" {
				body = seek("subject", c.member, c.value)
			}
			h := newHarness(t)
			v := h.want(h.decide(route, body), 400, c.code)
			place := v["errors"].([]any)[0].(map[string]any)
			if v["detail"] != en || place["path"] != c.path {
				t.Errorf("%s of %s: %q at %v, want %q at %s", route, c.value, v["detail"], place["path"], en, c.path)
			}
			if v := h.want(h.decide(route, body, header("Accept-Language", "zh")), 400, c.code); v["detail"] != zh {
				t.Errorf("%s of %s: %q, want %q", route, c.value, v["detail"], zh)
			}
			if h.decider.got != nil || h.decider.searches != nil {
				t.Errorf("%s of %s was answered", route, c.value)
			}
		}
		for where, body := range map[string]string{
			"":                ask(c.member, c.value, "evaluations", "[{}]"),
			"evaluations[0].": ask("evaluations", `[{"`+c.member+`":`+c.value+`},{}]`),
		} {
			h := newHarness(t)
			h.lenient = true
			a := h.decide("evaluations", body)
			h.want(a, 200, "")
			items := a.json(t)["evaluations"].([]any)
			item := items[0].(map[string]any)
			en, _ := says(where + c.path)
			told := item["context"].(map[string]any)["error"].(map[string]any)
			if item["decision"] != false || told["message"] != en || told["status"] != 400.0 || item["context"].(map[string]any)["code"] != string(c.code) {
				t.Errorf("an item of %s: %v, want %q", body, item, en)
			}
			if len(items) > 1 && items[1].(map[string]any)["decision"] != true {
				t.Errorf("the item beside it: %v", items[1])
			}
		}
	}
	h := newHarness(t)
	h.want(h.decide("evaluation", ask("action", fields(`{"fields":`+names(200)+`,"changes":{"a":1},"sort_fields":`+names(55)+`}`))), 200, "")
}

// The reason is true of what was sent: a string that no name can be is a string,
// and a number that no revision can be may be whole.
func TestReasonsAreTrue(t *testing.T) {
	for _, c := range []struct{ member, value, path, en, zh string }{
		{"subject", `{"type":"user","id":"a\u0000"}`, "subject.id", `The member "subject.id" must not hold the character U+0000.`, "成员 “subject.id” 不能含有字符 U+0000。"},
		{"context", `{"min_revision":1e17}`, "context.min_revision", `The member "context.min_revision" must be at most 9007199254740992.`, "成员 “context.min_revision” 不能大于 9007199254740992。"},
	} {
		for lang, want := range map[string]string{"en": c.en, "zh": c.zh} {
			h := newHarness(t)
			v := h.want(h.decide("evaluation", ask(c.member, c.value), header("Accept-Language", lang)), 400, model.CodeInvalidRequest)
			if place := v["errors"].([]any)[0].(map[string]any)["path"]; v["detail"] != want || place != c.path {
				t.Errorf("%s: %q at %v, want %q", c.value, v["detail"], place, want)
			}
		}
	}
}
