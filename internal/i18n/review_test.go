package i18n

import (
	"strings"
	"testing"

	"rolegate/model"
)

// reviewed has a finding, change, result and shift of every kind and shape.
func reviewed() (found []model.Finding, changes []model.RowChange, results []model.CaseResult, s model.Simulated) {
	rows := []model.PolicyRow{
		{Kind: "p", Line: 1, Subject: "role:rep", Object: "deal", Action: "read", Scope: "subtree:1", Condition: "record.stage == 'won'", Effect: "allow"},
		{Kind: "p", Subject: "*", Object: "*", Action: "*", Scope: "all", Effect: "deny"},
		{Kind: "p2", Line: 3, Subject: "role:rep", Object: "deal", Action: "read", Condition: "record.stage == 'won'", Effect: "deny"},
		{Kind: "p3", Line: 4, Name: "Reps see margins", Subject: "role:rep", Object: "deal", Field: "margin", Access: "read", Effect: "allow"},
		{Kind: "p3", Line: 5, Subject: "role:rep", Object: "deal", Field: "margin", Access: "read", Effect: "deny"},
		{Kind: "p4", Line: 6, Subject: "role:rep", Object: "deal", Action: "read", ACR: "2", MaxAge: "300", Effect: "deny"},
		{Kind: "g", Line: 7, Subject: "role:lead", Inherits: "role:rep"},
	}
	for _, word := range []string{"", "import", "import, approve, publish"} {
		found = append(found, model.Finding{Code: model.FindingLockedOut, Word: word})
	}
	for _, code := range model.FindingCodes[1:] {
		for _, r := range rows {
			if linked := code == model.FindingInherits || code == model.FindingFreed; linked != (r.Kind == "g") {
				continue
			}
			f := model.Finding{Code: code, Severity: code.Severity(), Line: r.Line, Row: r, Role: "role:lead", Word: "people+log"}
			switch code {
			case model.FindingShadowed, model.FindingOverridden:
				f.Others = rows[:1]
			}
			found = append(found, f)
			f.Others = rows
			found = append(found, f)
		}
	}
	for _, r := range rows {
		changes = append(changes, model.RowChange{Kind: model.RowAdded, After: r}, model.RowChange{Kind: model.RowRemoved, Before: r},
			model.RowChange{Kind: model.RowChanged, Before: r, After: rows[0]}, model.RowChange{Kind: model.RowRenamed, Before: r, After: r})
	}
	one := model.CaseResult{Name: "reps read", Passed: true, Want: "allow", Got: "allow", Code: model.ReasonAllowed, Subject: "role:rep", Action: "read", Object: "deal", Record: "1"}
	results = append(results, one)
	one.Passed, one.Got, one.Code = false, "deny", model.ReasonDenied
	results = append(results, one)
	one.WantCode = model.ReasonAllowed
	results = append(results, one)
	for _, kind := range []model.ShiftKind{model.ShiftGains, model.ShiftLoses, model.ShiftProof, model.ShiftMixed, model.ShiftReason} {
		s.Shifts = append(s.Shifts, model.Shift{Kind: kind, Subject: "user:ann", Action: "read", Object: "deal", Opened: []string{"margin"}, Closed: []string{"pin"}},
			model.Shift{Kind: kind, Subject: "user:ann", Action: "read", Object: "deal"})
	}
	for _, what := range []model.UnseenKind{model.UnseenSubjects, model.UnseenRecords, model.UnseenRequests, model.UnseenSamples} {
		s.Left = append(s.Left, model.Unseen{What: what, Of: 10, Looked: 5}, model.Unseen{What: what, Looked: 5})
	}
	return found, changes, results, s
}

// Everything a review says is said in both languages, without a word missing.
func TestReviewsAreSaid(t *testing.T) {
	said := map[Lang]int{}
	for _, l := range Langs {
		found, changes, results, s := reviewed()
		Findings(l, found)
		Changes(l, changes)
		CaseResults(l, results)
		Simulated(l, &s)
		var all []string
		for _, f := range found {
			all = append(all, f.Text)
		}
		for _, c := range changes {
			all = append(all, c.Text)
		}
		for _, r := range results {
			all = append(all, r.Text)
		}
		for _, sh := range s.Shifts {
			all = append(all, sh.Text)
		}
		for _, u := range s.Left {
			all = append(all, u.Text)
		}
		for _, text := range all {
			said[l]++
			end := strings.TrimRight(text, ".。?？")
			if text == "" || end == text || strings.ContainsAny(text, "{}"+missing) {
				t.Errorf("%s: %q", l, text)
			}
			if l == English && strings.ContainsRune(text, '。') || l == Chinese && strings.HasSuffix(text, ".") {
				t.Errorf("%s: the other language's words: %q", l, text)
			}
		}
	}
	if said[English] != said[Chinese] || said[English] < 100 {
		t.Errorf("said %v", said)
	}
}

// Every finding, and no other, has its text.
func TestEveryFindingHasItsText(t *testing.T) {
	codes := constantsOf(t, "review.go", "FindingCode")
	if len(codes) != len(findings) || len(codes) != len(model.FindingCodes) {
		t.Errorf("%d texts and %d listed for %d findings", len(findings), len(model.FindingCodes), len(codes))
	}
	for _, code := range codes {
		v, ok := findings[model.FindingCode(code)]
		if !ok {
			t.Errorf("no text for %s", code)
		}
		checkLanguages(t, code, v)
	}
}

func TestRowsAsSentences(t *testing.T) {
	for _, c := range []struct {
		row    model.PolicyRow
		en, zh string
	}{
		{model.PolicyRow{Kind: "p", Subject: "role:rep", Object: "deal", Action: "read", Scope: "own", Condition: "record.stage == 'won'", Effect: "allow"},
			"role:rep may read deal records it owns provided record.stage == 'won'", "role:rep 可以对其拥有的 deal 记录执行 read（条件：record.stage == 'won'）"},
		{model.PolicyRow{Kind: "p4", Subject: "*", Object: "contact", Action: "export", ACR: "2", MaxAge: "300", Effect: "deny"},
			"to export contact records, everybody needs authentication of level 2, proven at most 300 s ago", "所有人 对 contact 记录执行 export，需要身份验证达到 2 级且在 300 秒内完成"},
	} {
		if got := PolicyRow(English, &c.row); got != c.en {
			t.Errorf("got %q, want %q", got, c.en)
		}
		if got := PolicyRow(Chinese, &c.row); got != c.zh {
			t.Errorf("got %q, want %q", got, c.zh)
		}
	}
}
