package i18n

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"rolegate/model"
)

func TestNegotiate(t *testing.T) {
	for header, want := range map[string]Lang{
		"":                                  English,
		"*":                                 English,
		"en":                                English,
		"en-GB,en;q=0.8":                    English,
		"zh-CN":                             Chinese,
		"zh":                                Chinese,
		"zh-Hans-SG":                        Chinese,
		"zh-TW,zh;q=0.9,en;q=0.8":           Chinese,
		"zh-Hant-HK":                        Chinese,
		"en,zh-TW;q=0.9":                    English,
		"zh-CN,zh;q=0.9,en;q=0.8":           Chinese,
		"en;q=0.5,zh-CN;q=0.9":              Chinese,
		"fr,zh;q=0.3":                       Chinese,
		"fr":                                English,
		"ZH-cn":                             Chinese,
		"zh-CN;q=0":                         English,
		";;;":                               English,
		"zh-CN\x00":                         English,
		strings.Repeat("zh-CN,", 1000):      English,
		strings.Repeat("a-", 255) + "zh-CN": English,
	} {
		for _, time := range []string{"first", "second"} { // the second is remembered
			if got := Negotiate(header); got != want {
				t.Errorf("Negotiate(%.40q) = %s, want %s (%s time)", header, got, want, time)
			}
		}
	}
}

// Whatever headers came before, and whoever shares a place in memory, the
// answer is the one that would have been worked out.
func TestNegotiateRemembersWell(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				header := fmt.Sprintf("%s;q=0.%d,fr;q=0.%d", []string{"en", "zh-CN", "fr"}[i%3], 1+i%7, 1+i%9)
				if got, want := Negotiate(header), negotiate(header); got != want {
					t.Errorf("Negotiate(%q) = %s, want %s", header, got, want)
				}
			}
		})
	}
	wg.Wait()
}

// A reason is the text that fill would make of it, for every code, language
// and kind of question, also where words are missing.
func TestReasonsAreFilled(t *testing.T) {
	for code, r := range reasons {
		for _, d := range []model.Decision{
			{}, {Rule: model.Rule{Kind: "p2", Text: "p2, {action}"}}, {Rule: model.Rule{Kind: "p2", Name: "N", Text: "T"}, Required: "read"},
			{Closed: []string{"a", "b"}, StepUp: &model.StepUp{ACR: 2}}, {StepUp: &model.StepUp{ACR: 3, MaxAge: time.Minute}},
		} {
			d.Code = code
			for _, q := range []model.Question{{}, {Subject: model.Entity{Type: "user", ID: "{object}"}, Action: model.Action{Name: "read"}, Resource: model.Entity{Type: "contact", ID: "*"}},
				{Resource: model.Entity{Type: "联系人", ID: "7"}}} {
				for _, l := range Langs {
					told := Told{Question: &q, Decision: &d}
					given := Words{}
					for name, word := range words {
						if d.StepUp != nil || name != "acr" && name != "seconds" {
							given[name] = string(word(nil, l, told))
						}
					}
					if got, want := string(AppendUserReason(nil, l, told)), fill(r.user.in(l), given); got != want {
						t.Errorf("%s for people: %q, want %q", code, got, want)
					}
					if got, want := string(AppendAdminReason([]byte("x"), l, told)), "x"+fill(r.admin.in(l), given); got != want {
						t.Errorf("%s for administrators: %q, want %q", code, got, want)
					}
				}
			}
		}
	}
}

// codesOf lists model's constants of type Code whose name begins with prefix,
// by their wire text.
func codesOf(t *testing.T, prefix string) []model.Code {
	t.Helper()
	var codes []model.Code
	files, err := filepath.Glob("../../model/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("model's source: %v, %v", files, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, model.Code(code))
			return true
		})
	}
	if len(codes) < 10 {
		t.Fatalf("only %d codes with prefix %s were found", len(codes), prefix)
	}
	return codes
}

func TestEveryErrorHasItsTexts(t *testing.T) {
	codes := codesOf(t, "Code")
	for _, code := range codes {
		p, ok := problems[code]
		if !ok {
			t.Errorf("no text for the error %s", code)
			continue
		}
		checkTitle(t, code, p.title)
		checkText(t, string(code), p.detail, nil)
	}
	if len(problems) != len(codes) {
		t.Errorf("%d texts for %d codes: one belongs to no code", len(problems), len(codes))
	}
}

func TestEveryReasonHasItsTexts(t *testing.T) {
	codes := append(codesOf(t, "Reason"), model.CodeInternal, model.CodeRevisionBehind)
	for _, code := range codes {
		r, ok := reasons[code]
		if !ok {
			t.Errorf("no text for the reason %s", code)
			continue
		}
		words := wordsFor(code)
		checkText(t, string(code)+" user", r.user, words)
		checkText(t, string(code)+" admin", r.admin, words)
		for _, word := range []string{"subject", "rule", "role", "target"} {
			if strings.Contains(r.user.en+r.user.zh, "{"+word+"}") {
				t.Errorf("%s: the person is told the %s", code, word)
			}
		}
	}
	if len(reasons) != len(codes) {
		t.Errorf("%d texts for %d codes: one belongs to no code", len(reasons), len(codes))
	}
}

// wordsFor is what a decision of the code brings along.
func wordsFor(code model.Code) Words {
	q := model.Question{Subject: model.Entity{Type: "user", ID: "alice"}, Action: model.Action{Name: "export"},
		Resource: model.Entity{Type: "contact", ID: "101"}}
	d := model.Decision{Code: code, Cause: errors.New("a secret of ours")}
	switch code {
	case model.ReasonDenied, model.ReasonRestricted:
		d.Rule = model.Rule{Kind: "p2", Name: "No exports at night"}
	case model.ReasonStepUp:
		d.StepUp = &model.StepUp{ACR: 2, MaxAge: 5 * time.Minute}
	case model.ReasonFieldsClosed:
		d.Closed = []string{"salary", "phone"}
	case model.ReasonRequiredAction:
		d.Required = "read"
	}
	told := Words{}
	for name, word := range words {
		if name == "acr" || name == "seconds" { // parts of the assurance
			continue
		}
		told[name] = string(word(nil, English, Told{Question: &q, Decision: &d}))
	}
	return told
}

// What is said about a step-up holds whether a token was sent or not.
func TestStepUpSpeaksOfNoTokenThatWasSent(t *testing.T) {
	admin := reasons[model.ReasonStepUp].admin
	if strings.Contains(admin.en, "was sent") || strings.Contains(admin.zh, "所提供的") || !strings.Contains(admin.en, "no access token") || !strings.Contains(admin.zh, "没有能够证明") {
		t.Errorf("%q\n%q", admin.en, admin.zh)
	}
}

func TestEverySentenceIsComplete(t *testing.T) {
	words := Words{"limit": "64", "offset": "7", "path": "subject.id", "scope": "decide", "revision": "42", "demanded": "43", "seconds": "70", "setting": "ROLEGATE_MAX_BATCH", "choice": "newest, oldest", "name": "phone", "date": "2026-11-27"}
	for what, s := range sentences {
		checkText(t, string(what), s, words)
	}
}

var brace = regexp.MustCompile(`\{([a-z_]*)\}`)

// checkText holds a text to both languages, to the same words in both, and to
// the words it is given.
func checkText(t *testing.T, name string, s text, words Words) {
	t.Helper()
	if !strings.HasSuffix(s.en, ".") && !strings.HasSuffix(s.en, "}") {
		t.Errorf("%s: %q is no sentence", name, s.en)
	}
	if !strings.HasSuffix(s.zh, "。") && !strings.HasSuffix(s.zh, "}") {
		t.Errorf("%s: %q is no sentence", name, s.zh)
	}
	checkLanguages(t, name, s)
	for _, l := range Langs {
		for _, m := range brace.FindAllStringSubmatch(s.in(l), -1) {
			if words[m[1]] == "" {
				t.Errorf("%s: %s uses the word %q, which is not given", name, l, m[1])
			}
		}
		if got := fill(s.in(l), words); strings.ContainsAny(got, "{}") || strings.Contains(got, missing) || strings.Contains(got, "secret of ours") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func checkTitle(t *testing.T, code model.Code, s text) {
	t.Helper()
	checkLanguages(t, string(code), s)
	if strings.ContainsAny(s.en+s.zh, ".。{}") {
		t.Errorf("%s: the title %q / %q is a sentence", code, s.en, s.zh)
	}
}

func checkLanguages(t *testing.T, name string, s text) {
	t.Helper()
	han := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	if s.en == "" || han(s.en) {
		t.Errorf("%s: %q is not English", name, s.en)
	}
	if !han(s.zh) || strings.ContainsAny(s.zh, ",;!?") {
		t.Errorf("%s: %q is not Chinese, or not its punctuation", name, s.zh)
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		template, want string
		words          Words
	}{
		{"", "", nil},
		{"a {b} c", "a B c", Words{"b": "B"}},
		{"{b}{b}", "{c}{c}", Words{"b": "{c}", "c": "no"}},
		{"a {b}", "a …", nil},
	} {
		if got := fill(c.template, c.words); got != c.want {
			t.Errorf("fill(%q) = %q, want %q", c.template, got, c.want)
		}
	}
}

func TestUnknownCodesHaveAText(t *testing.T) {
	unknown := Told{Question: &model.Question{}, Decision: &model.Decision{Code: "new"}}
	for _, l := range Langs {
		for _, got := range []string{Title(l, "new"), Detail(l, "new"),
			string(AppendUserReason(nil, l, unknown)), string(AppendAdminReason(nil, l, unknown))} {
			if got == "" {
				t.Errorf("%s: an unknown code has no text", l)
			}
		}
	}
}
