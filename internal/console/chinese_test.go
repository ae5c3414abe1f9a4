package console_test

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rolegate/internal/testkit"
	"rolegate/model"
)

// quoted is what somebody wrote, and what programs read; sentence is three English words
// in a row.
var (
	quoted   = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|“[^”]*”|`[^`]*`|'[^']*'")
	sentence = regexp.MustCompile(`\b[A-Za-z]{2,}(?: [a-z]{2,}){2,}`)
)

// TestNobodySpeaksEnglish has somebody who reads Chinese open every page and send every
// form with something that is no answer to it: none of our words comes in English.
func TestNobodySpeaksEnglish(t *testing.T) {
	w := newReader(t)
	seen := map[string]bool{}
	for _, s := range w.walk(nil) {
		if !s.page {
			continue
		}
		v := w.visitor(s.who)
		v.Language = "zh-CN"
		page := v.Get(s.path)
		w.speaks(page)
		seen[s.pattern] = true
		for _, form := range page.All("form") {
			action, values, typed := filled(page, form, "qwx:*")
			key := s.pattern + " " + parameter.ReplaceAllString(action, "") + " " + strings.Join(fields(form), " ")
			if !typed || seen[key] || w.ofThePeople(s.path) || w.ofThePeople(action) || slices.Contains([]string{"/logout", "/language"}, action) {
				continue
			}
			seen[key] = true
			v := w.visitor(s.who)
			v.Language, v.Page = "zh-CN", page
			if strings.EqualFold(testkit.Attr(form, "method"), "post") {
				v.PostForm(action, values)
			} else {
				at, _, _ := strings.Cut(action, "?")
				v.Get(at + "?" + values.Encode())
			}
			w.speaks(v.Page)
		}
	}
	t.Logf("%d pages and forms", len(seen))
}

// TestBadInputInChinese is the same with what is nearly right: rows, conditions, cases,
// imports and questions, on each page that tells what is wrong with them.
func TestBadInputInChinese(t *testing.T) {
	w := newReader(t)
	sec, sys, aud := w.visitor("sec"), w.visitor("sys"), w.visitor("aud")
	sec.Language, sys.Language, aud.Language = "zh-CN", "zh-CN", "zh-CN"
	says := func(v *testkit.Visitor, status int, selector string, all ...string) {
		t.Helper()
		w.speaks(v.Page)
		got := v.Page.Text(selector)
		for _, want := range all {
			if v.Page.Status != status || !strings.Contains(got, want) {
				t.Errorf("%s answers %d and does not say %q: %s", v.Page.URL.RequestURI(), v.Page.Status, want, got)
			}
		}
	}
	sec.Get("/console/policy")
	draft := sec.Submit(`form[action="/console/policy/drafts"]`, "title", "错误").Want(t, http.StatusOK, "").URL.Path
	change := "/console/changes/" + path.Base(draft)

	// One row in its form, with each kind of mistake at its place.
	for _, c := range []struct{ ask, field, value, at, says string }{
		{"kind=p&subject=role:support&object=ticket&action=delete", "condition", "record.status = 'new'", "#condition-wrong", "="},
		{"kind=p&subject=role:support&object=ticket&action=delete", "condition", "record.status == ", "#condition-wrong", "结束"},
		{"kind=p&subject=role:support&object=ticket&action=delete", "condition", "nobody.knows == 1", "#condition-wrong", "nobody"},
		{"kind=p&subject=role:support&object=ticket&action=delete", "object", "a*", "#object-wrong", "不支持通配模式"},
		{"kind=p3&subject=*&object=contact&field=email&access=read", "effect", "allow", "#subject-wrong", "*"},
		{"kind=p4&subject=role:support&object=*&action=*", "max_age", "soon", "#max_age-wrong", "不是整数秒"},
		{"kind=g&subject=role:support", "inherits", "role:support", ".problem", "循环"},
	} {
		sec.Get(draft+"/row?"+c.ask).Want(t, http.StatusOK, "")
		sec.Submit("main form.narrow", c.field, c.value)
		says(sec, http.StatusUnprocessableEntity, c.at, c.says)
	}

	// All of them in the text, and on each page of the draft.
	bad := "p, role:x, deal, read, nowhere, , allow\np, role:x, deal, read, all, record.a = 1, allow\ng, user:eve, role:x\nq, 7\np4, role:x, deal, read, 9, , deny\np, \"x\n"
	sec.Get(draft + "/text")
	document := strings.TrimPrefix(testkit.Text(sec.Page.One(t, "#document")), "\n")
	sec.Submit("main form", "document", bad+document)
	says(sec, http.StatusOK, ".problem", "第 1 行", "未知的范围")
	for _, view := range []string{"", "/lines", "/matrix", "/cell?role=role:x&object=deal&action=read", "/fields", "/limits", "/roles", "/row?kind=p", "/row?line=1"} {
		sec.Get(draft + view)
		says(sec, http.StatusOK, "main", "未知的范围")
	}
	sec.Get(draft + "/lines")
	says(sec, http.StatusOK, "#L1.wrong", "未知的范围")
	for _, view := range []string{"", "/check", "/cases", "/simulate", "/review", "/rebase"} {
		sec.Get(change + view)
		says(sec, http.StatusOK, "main", "")
	}
	sec.Get(change + "/check")
	says(sec, http.StatusOK, ".problem", "第 1 行", "未知的范围")
	sec.Post(change+"/submit", "version", "2")
	says(sec, http.StatusUnprocessableEntity, ".problem", "未知的范围")
	sec.Get(draft + "/text")
	sec.Submit("main form", "document", "g, user:eve, role:x\n"+document)
	says(sec, http.StatusOK, ".problem", "user:eve")
	sec.Get(draft + "/text")
	sec.Submit("main form", "document", "g, role:support, role:marketing\ng, role:marketing, role:support\n"+document)
	says(sec, http.StatusOK, ".problem", "循环")
	sec.Get(draft + "/text")
	sec.Submit("main form", "document", "p, role:x, dael, read, own, , allow\n"+document)
	sec.Get(change + "/check")
	says(sec, http.StatusOK, "main", "dael")
	sec.Get(change + "/cases")
	sec.Submit(`form[action="`+change+`/cases"]`, "cases", "- name: x\n  want: maybe\n- 7\n- name: x\n  subject: a b\n  action: {}\n  resource: 7\n  at: now\n")
	says(sec, http.StatusOK, ".problem", "第 2 行", "缺少")
	sec.Get(change + "/cases")
	sec.Submit(`form[action="`+change+`/cases"]`, "cases", "a: [")
	says(sec, http.StatusOK, ".problem", "YAML")

	// Imports.
	for _, c := range []struct{ format, file, says string }{
		{"json", `{"teams": [{"id": ""}, {"id": 7}, {"name": "x"}], "people": []}`, "teams[0]"},
		{"json", `{"units": [{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}]}`, "循环"},
		{"json", `{"teams": [`, "JSON"},
		{"json", `{"subjects": [{"type": "user", "id": "sys", "unit": "company"}]}`, "subjects[0]"},
		{"json", `{"records": [{"type": "contact", "id": "1", "owner": "user:ann"}]}`, ""},
		{"csv", "id,pay\nann,3", "第 1 行"},
		{"csv", "id,unit\nann,sales,more\n\"", "第 2 行"},
	} {
		sys.Get("/console/organization/import")
		sys.Submit("main form", "format", c.format, "file", c.file)
		if says(sys, sys.Page.Status, ".problem", c.says); sys.Page.Status < 400 {
			t.Errorf("%s is taken", c.file)
		}
	}

	// Questions.
	for _, fields := range [][]string{{"properties", `{"owner":`}, {"context", `[]`}, {"details", `{"fields":7}`}, {"properties", `{"owner":"a"}`, "field.owner", "b"}, {"action", "*"}, {"subject", "user:"}} {
		sec.Get("/console/why")
		sec.Submit(".ask", append([]string{"subject", "ann", "action", "read", "object", "contact", "record", "7"}, fields...)...)
		says(sec, sec.Page.Status, ".problem", "")
	}
	for _, query := range []string{"subject=ann", "object=contact:", "class=none", "outcome=none", "revision=x", "from=yesterday", "rule=" + strings.Repeat("x", 2000), "order=random", "after=7"} {
		aud.Get("/console/log?" + query)
		says(aud, http.StatusBadRequest, ".problem", "请求无效")
	}
	for _, query := range []string{"/account/history?after=7", "/account/not-me?line=7", "/console/log/x", "/console/log/999999", "/console/changes/x", "/console/people?after=x", "/console/people/user?id=nobody", "/console/policy/drafts/x/row"} {
		aud.Get(query)
		says(aud, aud.Page.Status, "main", "")
	}
}

// speaks finds English in a page for who reads Chinese: in what it says, not in the
// policy and what else people wrote.
func (w *reader) speaks(p *testkit.Page) {
	w.t.Helper()
	if !isPage(p) {
		return
	}
	say := func(s string) {
		s = strings.ReplaceAll(s, hostile, "")
		for _, theirs := range w.written {
			s = strings.ReplaceAll(s, theirs, "")
		}
		if words := sentence.FindString(quoted.ReplaceAllString(s, "")); words != "" {
			w.t.Errorf("%s (%d) says %q in %q", p.URL.RequestURI(), p.Status, words, strings.TrimSpace(s))
		}
	}
	code := []string{"code", "pre", "textarea", "script", "del", "ins"}
	for n := range p.Root.Descendants() {
		switch n.Type {
		case html.TextNode:
			theirs := false
			for a := range n.Ancestors() {
				theirs = theirs || slices.Contains(code, a.Data)
			}
			if !theirs {
				say(n.Data)
			}
		case html.ElementNode:
			for _, name := range []string{"title", "aria-label", "placeholder", "alt", "data-confirm"} {
				say(testkit.Attr(n, name))
			}
		}
	}
}

// reader is a town of people who read Chinese, and what is written there in English: the
// starter policy, whose comments are the names of its rows, and types of its catalogue.
type reader struct {
	*town
	written []string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	w := &reader{newTown(t, testkit.New(t)), []string{"the starter policy", "list of "}}
	now, err := w.App.Change.Current(t.Context(), model.DefaultTenant)
	w.act(now, err)
	for line := range strings.Lines(now.Text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			w.written = append(w.written, strings.TrimSpace(name))
		}
	}
	return w
}
