package i18n_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"rolegate/internal/i18n"
	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/model"
)

// given is what the author wrote, and what stands in quotes or between brackets: code.
var given = regexp.MustCompile(`'[^']*'|"(?:[^"\\]|\\.)*"|\([^()]*\)|（[^（）]*）|` + "`[^`]*`" + `|list of`)

// english are two English words in a row, as no code has them.
var english = regexp.MustCompile(`\b[a-zA-Z]{2,} (?:[a-zA-Z]{2,})\b`)

// Whatever is wrong with what somebody wrote is said in Chinese without a word of
// English but those of the language it was written in.
func TestHostileDocumentsAreRefusedInChinese(t *testing.T) {
	conditions := []string{
		"a &&", "record.x == 'a", "record.x === 1", "for", "record.in", "{'a':1}", "T{a:1}", "record.x[0]", "-(5) == 1", "b'a' == b'b'", "1u == 1u",
		"record", "request.context", "request.foo", "request.context.ip", "null", "record.a ? true : false", "size(record.x) > 1", "record.x.y == 1",
		"record.tags == ['a']", "record.x in [record.y]", "record.x in ['a', 1]", "record.x in [['a']]", "request.time > 'x'", "true < true",
		"request.time", "record.tags.map(x, x)", "record.tags.exists(x, x == 'a')", "record.tags.exists(x, x in record.other)", "has('x')", "has(record.x, 1)",
		"record.x + 1 > 2", "request.time - record.due > duration('1h')", "request.time + duration('900000h') < record.due", "timestamp('2026') < request.time",
		"record.due.getHours() == 1", "request.time.getHours('Mars') == 1", "inCIDR(request.ip, 'x')", "inCIDR(request.ip, '10.0.0.1/8')", "inCIDR(request.ip, [])",
		"below(user.unit, record.unit)", "user.x.startsWith(record.y)", "record.owner == 'user:bob'", "'lead' in user.roles", "record.x.startsWith(1)", "1e999", "99999999999999999999",
		"`\u200b` == 1", "'\\q' == 'a'", strings.Repeat("(", 70), "a ? b", "record.?x", "foo", "é.x == 1", "x(", "0x == 1", "1. == 1", "a & b", "a | b", "[1, 2 == 3",
	}
	var rows []string
	for _, c := range conditions {
		rows = append(rows, `p, role:a, deal, read, all, "`+strings.ReplaceAll(c, `"`, `""`)+`", allow`)
	}
	rows = append(rows, "q, a", "p2, role:a, deal, read, deny", "p, role:a, deal", "p, role:a, deal, read, all, , allow, x", "p, , deal, read, all, , allow", "p, ann, deal, read, all, , allow",
		"p, role:a*, deal, read, all, , allow", "p, :a, deal, read, all, , allow", "p, role:role:a, deal, read, all, , allow", "p, role:a, de*l, read, all, , allow", `p, role:a, "a,b", read, all, , allow`,
		"p, role:a, deal, read, some, , allow", "p2, role:a, deal, read, , deny", "p2, role:a, deal, read, true, allow", "p3, role:a, deal, f, see, allow", "p3, *, deal, f, read, allow", "p4, role:a, deal, read, 9, , deny",
		"p4, role:a, deal, read, 2, x, deny", "p4, role:a, deal, read, 2, , allow", "p, role:a, deal, read, all, , ", "p, role:a, deal, read, all, , Deny", "g, role:a, role:security-admin", "g, user:a, role:security-admin",
		"g, *, role:a", "g, user:a, team:b", "g, x, role:a", `p, "a`, `p, "a" b`, `p, a"b`, "p, role:x, deal, read, all, , allow", "p, role:x, deal, read, all, , allow", "p, role:\x00, a", "\xff")
	said := 0
	look := func(err error) {
		t.Helper()
		e, ok := errors.AsType[*model.Error](err)
		if !ok || len(e.Details) == 0 {
			t.Errorf("accepted, or without a reason: %v", err)
			return
		}
		if i18n.Said(i18n.Chinese, e) == "" {
			t.Errorf("nobody says %q", e.Message)
		}
		for _, d := range e.Details {
			said++
			got := i18n.Phrase(i18n.Chinese, d.Reason)
			if words := english.FindString(given.ReplaceAllString(got, "")); words != "" || got == d.Reason.Text {
				t.Errorf("%q in %q, of %q", words, got, d.Reason)
			}
			if i18n.Phrase(i18n.English, d.Reason) != d.Reason.Text {
				t.Errorf("English is %q", d.Reason)
			}
		}
	}
	_, err := policy.Parse(strings.Join(rows, "\n"))
	look(err)
	_, err = policy.Parse("g, role:a, role:b\ng, role:b, role:a\n")
	look(err)
	for _, catalog := range []string{
		"a: [", "--- {}\n---\n{}", "objects: 7", "objects: {a: {x: 1}}", "objects: {'a,b': {}}", "objects: {a: {enabled: maybe}}", "objects: {a: {fields: {owner: {type: number}, teams: {type: string}, x: {type: blob}}}}",
		"objects: {a: {actions: {x: {requires: [y, x, x]}}}}", "objects: {a: {actions: {x: {requires: [y]}, y: {requires: [x]}}}}", "objects: {a: &a {}, b: *a}",
		"objects: {a: {actions: {x: {}}}}\nroutes:\n- {method: get, path: x, object: b}\n- 7\n- {method: GET, path: '/{a}', object: a, action: x}\n- {method: GET, path: '/a/', object: a, action: y}\n",
	} {
		_, err := policy.ParseCatalog(catalog)
		look(err)
	}
	for _, cases := range []string{"a: [", "- {}", "- {name: 7, subject: ann, roles: [a], action: {}, resource: {}, want: maybe, reason: none, at: now, assurance: {acr: 9}}", "- {name: a, x: 1, name: b}", "a"} {
		_, err := review.ParseCases(cases)
		look(err)
	}
	if said < 100 {
		t.Errorf("only %d reasons were looked at", said)
	}
}
