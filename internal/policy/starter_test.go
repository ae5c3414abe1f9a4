package policy

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/model"
)

// starter is the policy and catalogue an install begins with, over a small
// company: mia manages sue and sam (sales); kim supports, max markets, dee
// analyses; sys, sec and aud hold the offices; new holds nothing.
func starter(t testing.TB) *Snapshot {
	t.Helper()
	text, err := os.ReadFile("../../policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	var dir model.Directory
	for id, role := range map[string]string{
		"sue": "sales-rep", "sam": "sales-rep", "mia": "sales-manager", "kim": "support", "max": "marketing", "dee": "data-analyst",
		"sys": model.SystemAdmin, "sec": model.SecurityAdmin, "aud": model.AuditAdmin, "new": "",
	} {
		s := model.Subject{Type: "user", ID: id}
		if role == "sales-rep" {
			s.Manager = "mia"
		}
		dir.Subjects = append(dir.Subjects, s)
		if role != "" {
			dir.Assignments = append(dir.Assignments, model.Assignment{Member: "user:" + id, Role: role})
		}
	}
	return mustSnapshot(t, string(text), mustCatalog(t, model.StarterCatalog), dir)
}

// TestStarterPolicy is who may what, record by record: a letter each for sue
// (rep), mia (her manager), kim (support), max (marketing), dee (analyst), and
// sys, sec and aud (the offices), in this order; "-" is no, "+" yes, "^" yes
// after stepping up.
func TestStarterPolicy(t *testing.T) {
	s := starter(t)
	owned := func(by string) props {
		return props{"owner": by, "assignees": nil, "teams": nil, "shares": nil}
	}
	sue, sam, max, nobodys := owned("sue"), owned("sam"), owned("max"), owned("")
	assigned := owned("sam")
	assigned["assignees"] = list("sue", "kim")
	shared := owned("sam")
	shared["shares"] = list(props{"to": "user:sue", "actions": list("read")})
	for _, c := range []struct {
		object, action, whose string
		record                props
		want                  string // s m k x d   sys sec aud
	}{
		{"contact", "open", "any", nil, "++++- ---"},
		{"contact", "read", "sue's", sue, "+++++ ---"},
		{"contact", "read", "sam's", sam, "-++++ ---"},
		{"contact", "read", "sam's, sue assigned", assigned, "+++++ ---"},
		{"contact", "read", "sam's, shared with sue", shared, "+++++ ---"},
		{"contact", "read", "unknown owner", props{}, "--+++ ---"},
		{"contact", "update", "sue's", sue, "++--- ---"},
		{"contact", "update", "sam's", sam, "-+--- ---"},
		{"contact", "update", "sam's, shared with sue to read", shared, "-+--- ---"},
		{"contact", "update", "max's", max, "----- ---"},
		{"contact", "create", "sue's", sue, "+---- ---"},
		{"contact", "delete", "sue's", sue, "-+--- ---"},
		{"contact", "export", "sue's", sue, "-^--- ---"},
		{"contact", "transfer", "sue's", sue, "-+--- ---"},
		{"contact", "mass_update", "sue's", sue, "-+--- ---"},
		{"contact", "audit", "sue's", sue, "-+--- ---"},
		{"contact", "import", "any", nil, "-+--- ---"},
		{"account", "read", "sam's", sam, "+++-+ ---"},
		{"account", "update", "sam's", sam, "-+--- ---"},
		{"lead", "read", "nobody's", nobodys, "++-++ ---"},
		{"lead", "update", "nobody's", nobodys, "++--- ---"},
		{"lead", "convert", "sue's", sue, "+---- ---"},
		{"lead", "export", "sue's", sue, "---^- ---"},
		{"deal", "read", "sam's", sam, "-+--+ ---"},
		{"deal", "close", "sue's", sue, "++--- ---"},
		{"deal", "export", "sue's", sue, "-^--^ ---"},
		{"ticket", "read", "sam's", sam, "--+-+ ---"},
		{"ticket", "update", "kim assigned", assigned, "--+-- ---"},
		{"ticket", "update", "sam's", sam, "----- ---"},
		{"campaign", "send", "max's", max, "---+- ---"},
		{"campaign", "send", "sue's", sue, "----- ---"},
		{"rolegate.user", "read", "", nil, "----- ^^^"},
		{"rolegate.user", "reset_mfa", "", nil, "----- ^--"},
		{"rolegate.user", "unlock", "", nil, "----- ^--"},
		{"rolegate.role", "assign", "", nil, "----- ^--"},
		{"rolegate.role", "assign_beyond", "", nil, "----- ^--"},
		{"rolegate.client", "rotate_secret", "", nil, "----- ^--"},
		{"rolegate.office", "request", "", nil, "----- ^^^"},
		{"rolegate.office", "approve", "", nil, "----- ^^^"},
		{"rolegate.policy", "read", "", nil, "----- ^^^"},
		{"rolegate.policy", "publish", "", nil, "----- -^-"},
		{"rolegate.policy", "approve", "", nil, "----- ^^^"},
		{"rolegate.catalog", "update", "", nil, "----- -^-"},
		{"rolegate.audit", "export", "", nil, "----- --^"},
		{"rolegate.erasure", "request", "", nil, "----- ^^^"},
		{"rolegate.erasure", "approve", "", nil, "----- --^"},
	} {
		id := "1"
		if c.record == nil {
			id = model.AnyRecord
		}
		got := ""
		for i, who := range []string{"sue", "mia", "kim", "max", "dee", "sys", "sec", "aud"} {
			if i == 5 {
				got += " "
			}
			switch d := s.answerTo(ask(who, c.action, c.object, id, c.record), Inputs{Now: noon, Assurance: model.Assurance{Level: 1, AuthTime: noon}}); {
			case d.Allow:
				got += "+"
			case d.StepUp != nil:
				got += "^"
			default:
				got += "-"
			}
		}
		if got != c.want {
			t.Errorf("%s %s (%s): %s, want %s", c.action, c.object, c.whose, got, c.want)
		}
		if d := s.answerTo(ask("new", c.action, c.object, id, c.record), Inputs{Now: noon}); d.Code != model.ReasonNotGranted {
			t.Errorf("%s %s by somebody without a role: %s", c.action, c.object, d.Code)
		}
	}
	export := s.answerTo(ask("mia", "export", "contact", "1", sue), Inputs{Now: noon, Assurance: model.Assurance{Level: 2, AuthTime: noon.Add(-301 * time.Second)}})
	if want := (&model.StepUp{ACR: 2, MaxAge: 300 * time.Second}); !cmp.Equal(export.StepUp, want) {
		t.Errorf("exporting asks for %+v", export.StepUp)
	}
	if got := s.answerTo(ask("mia", "export", "contact", "1", sue), Inputs{Now: noon, Assurance: model.Assurance{Level: 2, AuthTime: noon}}); !got.Allow {
		t.Errorf("exporting with a fresh second factor: %s", got.Code)
	}
}

// TestStarterFields is what each role sees of a record it may read.
func TestStarterFields(t *testing.T) {
	s := starter(t)
	for _, c := range []struct {
		who, object            string
		hidden, masked, locked string
	}{
		{"sue", "contact", "", "", ""},
		{"kim", "contact", "", "email", ""},
		{"max", "contact", "", "email name phone", ""},
		{"dee", "contact", "", "email name phone", ""},
		{"max", "lead", "", "phone", ""},
		{"sue", "deal", "margin", "", "discount"},
		{"mia", "deal", "", "", ""},
		{"dee", "deal", "margin", "", ""},
	} {
		d := s.answerTo(ask(c.who, "read", c.object, "1", props{"owner": "sue", "assignees": nil, "teams": nil}), Inputs{Now: noon})
		if !d.Allow {
			t.Errorf("%s cannot read %s: %s", c.who, c.object, d.Code)
			continue
		}
		for what, lists := range map[string][2]string{
			"hidden": {strings.Join(d.Fields.Hidden, " "), c.hidden}, "masked": {strings.Join(d.Fields.Masked, " "), c.masked}, "read-only": {strings.Join(d.Fields.ReadOnly, " "), c.locked},
		} {
			if lists[0] != lists[1] {
				t.Errorf("%s, %s: %s %q, want %q", c.who, c.object, what, lists[0], lists[1])
			}
		}
	}
	q := ask("sue", "update", "deal", "1", props{"owner": "sue"})
	q.Action.Properties = props{"fields": list("stage", "discount")}
	if d := s.answerTo(q, Inputs{Now: noon}); d.Code != model.ReasonFieldsClosed || !slices.Equal(d.Closed, []string{"discount"}) {
		t.Errorf("a rep sets a discount: %s %q", d.Code, d.Closed)
	}
}

// TestStarterIsSound: every word of the policy is in the catalogue, every row
// that stands alone has a name, and nothing hands out an office.
func TestStarterIsSound(t *testing.T) {
	s := starter(t)
	doc := mustParse(t, s.rules.text)
	for i := range doc.Rows {
		r := &doc.Rows[i]
		object, action := r.Cells[colObject], r.Cells[colAction]
		o := s.rules.catalog.Objects[object]
		switch {
		case object == everything:
		case o == nil:
			t.Errorf("line %d: no object %s in the catalogue", r.Line, object)
		case action == everything:
		case r.Kind == FieldRule:
			if _, ok := o.Fields[action]; !ok {
				t.Errorf("line %d: no field %s of %s", r.Line, action, object)
			}
		default:
			if _, ok := o.Actions[action]; !ok {
				t.Errorf("line %d: no action %s of %s", r.Line, action, object)
			}
		}
		if doc.Rule(r).Name == "" && action != "open" && action != everything {
			t.Errorf("line %d: %s %q has no name", r.Line, r.Kind, r.Cells)
		}
	}
	if len(doc.Members) > 0 {
		t.Error("the starter policy names people")
	}
	want := []string{"audit-admin", "data-analyst", "marketing", "sales-manager", "sales-rep", "security-admin", "support", "system-admin"}
	if got := doc.Roles(); !slices.Equal(got, want) {
		t.Errorf("roles %q", got)
	}
	assertRoundTrip(t, doc)
}
