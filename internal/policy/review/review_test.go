package review_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/policy"
	"rolegate/internal/policy/review"
	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const crmCatalog = `
objects:
  deal:
    actions: {read: {}, update: {}, export: {requires: [read]}, publish: {requires: [export, update]}}
    fields: {owner: {type: ref}, stage: {type: string}, margin: {type: number, secured: true}}
  old: {enabled: false, actions: {read: {}}}
  rolegate.user: {actions: {read: {}, update: {}}}
  rolegate.policy: {actions: {read: {}, publish: {}}}
  rolegate.audit: {actions: {read: {}}}
`

// failer is what testing.TB and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func mustDocument(t failer, text string) *policy.Document {
	t.Helper()
	doc, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func mustCatalog(t failer, text string) *policy.Catalog {
	t.Helper()
	cat, err := policy.ParseCatalog(text)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// said is a finding as tests write it: its code, its row, what explains it.
func said(found []model.Finding) (all []string) {
	for _, f := range found {
		s := string(f.Code) + ": " + f.Row.Text
		if f.Word != "" {
			s += " [" + f.Word + "]"
		}
		if f.Role != "" {
			s += " @" + f.Role
		}
		for _, o := range f.Others {
			s += " <- " + o.Text
		}
		all = append(all, s)
	}
	return all
}

func TestFindingsOfOneDocument(t *testing.T) {
	for _, c := range []struct {
		name, rows string
		want       []string
	}{
		{"nothing", "p, role:a, deal, read, own, , allow", nil},
		{"a wider scope", "p, role:a, deal, read, own, , allow\np, role:a, deal, read, team, , allow",
			[]string{"shadowed: p, role:a, deal, read, own, , allow <- p, role:a, deal, read, team, , allow"}},
		{"narrower depths", "p, role:a, deal, read, subtree:2, , allow\np, role:a, deal, read, subtree:1, , allow",
			[]string{"shadowed: p, role:a, deal, read, subtree:1, , allow <- p, role:a, deal, read, subtree:2, , allow"}},
		{"an inherited row", "g, role:b, role:a\np, role:a, deal, read, all, , allow\np, role:b, deal, read, own, , allow",
			[]string{"shadowed: p, role:b, deal, read, own, , allow <- p, role:a, deal, read, all, , allow"}},
		{"not the other way", "g, role:b, role:a\np, role:a, deal, read, own, , allow\np, role:b, deal, read, all, , allow", nil},
		{"its own condition is narrower", "p, role:a, deal, read, own, record.stage == 'won', allow\np, role:a, deal, read, own, , allow",
			[]string{"shadowed: p, role:a, deal, read, own, record.stage == 'won', allow <- p, role:a, deal, read, own, , allow"}},
		{"another condition is not", "p, role:a, deal, read, own, record.stage == 'won', allow\np, role:a, deal, read, all, record.stage == 'lost', allow", nil},
		{"a denial", "p, role:a, deal, read, own, , allow\np, *, deal, *, team, , deny",
			[]string{"overridden: p, role:a, deal, read, own, , allow <- p, *, deal, *, team, , deny"}},
		{"a denial with a condition spares some", "p, role:a, deal, read, own, , allow\np, *, deal, *, team, record.stage == 'won', deny", nil},
		{"a weaker proof", "p4, *, deal, export, 2, 300, deny\np4, role:a, deal, export, 2, , deny",
			[]string{"shadowed: p4, role:a, deal, export, 2, , deny <- p4, *, deal, export, 2, 300, deny"}},
		{"an earlier proof of a lower level is another", "p4, *, deal, export, 1, 60, deny\np4, role:a, deal, export, 2, 300, deny", nil},
		{"the same restriction", "p2, *, *, *, record.stage == 'won', deny\np2, role:a, deal, read, record.stage == 'won', deny",
			[]string{"shadowed: p2, role:a, deal, read, record.stage == 'won', deny <- p2, *, *, *, record.stage == 'won', deny"}},
		{"fields by name beat fields by star", "p3, role:a, deal, *, read, deny\np3, role:a, deal, margin, read, deny", nil},
		{"fields closed to everybody", "p3, *, deal, *, read, deny\np3, role:a, deal, margin, read, allow",
			[]string{"overridden: p3, role:a, deal, margin, read, allow <- p3, *, deal, *, read, deny"}},
		{"a disabled object", "p, role:a, old, read, all, , allow", []string{"object_disabled: p, role:a, old, read, all, , allow"}},
		{"nobody has what it requires", "p, role:a, deal, export, all, , allow", []string{"never_required: p, role:a, deal, export, all, , allow [read]"}},
		{"another role has", "p, role:a, deal, export, all, , allow\np, role:b, deal, read, all, , allow", []string{"lacks_required: p, role:a, deal, export, all, , allow [read]"}},
		{"what is required is inherited", "p, role:a, deal, export, all, , allow\np, role:b, deal, read, all, , allow\ng, role:a, role:b", nil},
		{"slips of the pen", "p, role:a, dael, read, all, , allow\np, role:b, dael, read, all, , allow\np, role:a, deal, raed, all, , allow\np3, role:a, deal, mragin, read, deny",
			[]string{"not_in_catalog: p, role:a, dael, read, all, , allow [dael] <- p, role:b, dael, read, all, , allow",
				"not_in_catalog: p, role:a, deal, raed, all, , allow [raed]", "not_in_catalog: p3, role:a, deal, mragin, read, deny [mragin]"}},
		{"the only row that gives a word its meaning", "p, role:a, deal, *, all, , allow\np, role:a, deal, dance, own, , allow",
			[]string{"not_in_catalog: p, role:a, deal, dance, own, , allow [dance]"}},
		{"two duties by inheritance", "p, role:a, rolegate.user, update, all, , allow\np, role:b, rolegate.audit, read, all, , allow\ng, role:a, role:b",
			[]string{"duties_mixed: p, role:a, rolegate.user, update, all, , allow [people+log] @role:a <- p, role:b, rolegate.audit, read, all, , allow",
				"duties_outside: p, role:a, rolegate.user, update, all, , allow @role:a <- p, role:b, rolegate.audit, read, all, , allow",
				"duties_outside: p, role:b, rolegate.audit, read, all, , allow @role:b"}},
		{"an office keeps to its own", "p, role:security-admin, rolegate.policy, *, all, , allow\np, role:security-admin, rolegate.user, read, all, , allow", nil},
		{"an office beyond its own", "p, role:security-admin, rolegate.policy, *, all, , allow\np, role:security-admin, rolegate.user, update, all, , allow",
			[]string{"duties_mixed: p, role:security-admin, rolegate.user, update, all, , allow [people+policy] @role:security-admin <- p, role:security-admin, rolegate.policy, *, all, , allow"}},
		{"unless that is denied", "p, role:security-admin, rolegate.policy, *, all, , allow\np, role:security-admin, rolegate.user, update, all, , allow\np, role:security-admin, rolegate.user, update, all, , deny",
			[]string{"overridden: p, role:security-admin, rolegate.user, update, all, , allow <- p, role:security-admin, rolegate.user, update, all, , deny"}},
		{"an office that inherits a role of the CRM", "p, role:a, deal, read, own, , allow\ng, role:audit-admin, role:a",
			[]string{"duties_crm_records: p, role:a, deal, read, own, , allow @role:audit-admin"}},
		{"a denial with a condition takes no duty away", "p, role:security-admin, rolegate.policy, *, all, , allow\np, role:security-admin, rolegate.user, update, all, , allow\np, role:security-admin, rolegate.user, update, all, 'role:night' in user.roles, deny",
			[]string{"duties_mixed: p, role:security-admin, rolegate.user, update, all, , allow [people+policy] @role:security-admin <- p, role:security-admin, rolegate.policy, *, all, , allow"}},
		{"nor does one of less", "p, role:security-admin, rolegate.policy, *, all, , allow\np, role:security-admin, rolegate.user, update, all, , allow\np, role:security-admin, rolegate.user, update, own, , deny",
			[]string{"duties_mixed: p, role:security-admin, rolegate.user, update, all, , allow [people+policy] @role:security-admin <- p, role:security-admin, rolegate.policy, *, all, , allow"}},
		{"reading everything is reading the log", "p, role:a, *, read, all, , allow", []string{"duties_outside: p, role:a, *, read, all, , allow @role:a"}},
		{"an office that reads everything", "p, role:audit-admin, *, read, all, , allow", []string{"duties_crm_records: p, role:audit-admin, *, read, all, , allow @role:audit-admin"}},
		{"what everybody may is said once", "p, *, rolegate.user, update, all, , allow\np, role:b, deal, read, all, , allow", []string{"duties_outside: p, *, rolegate.user, update, all, , allow @*"}},
		{"a denial gives no duty", "p, role:a, rolegate.user, update, all, , deny\np2, role:a, rolegate.user, update, 'role:night' in user.roles, deny", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := said(review.Findings(nil, mustDocument(t, c.rows+"\n"), mustCatalog(t, crmCatalog)))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFindingsOfAChange(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{"the same in another order", "p, role:a, deal, read, own, , allow\np, role:a, deal, update, own, , allow", "p, role:a, deal, update, own, , allow\n# Named\np,role:a,deal,read,own,,allow", nil},
		{"a wider scope", "p, role:a, deal, read, own, , allow", "p, role:a, deal, read, all, , allow",
			[]string{"widens_grant: p, role:a, deal, read, all, , allow <- p, role:a, deal, read, own, , allow"}},
		{"a narrower scope", "p, role:a, deal, read, all, , allow", "p, role:a, deal, read, own, , allow", nil},
		{"a denial gone", "p, *, deal, read, own, , deny\n", "",
			[]string{"widens_denial: p, *, deal, read, own, , deny"}},
		{"a denial for a wider one", "p, role:a, deal, read, own, , deny", "p, *, deal, read, all, , deny", nil},
		{"a restriction loosened", "p2, *, deal, read, record.stage == 'won', deny", "p2, role:a, deal, read, record.stage == 'won', deny",
			[]string{"widens_restriction: p2, *, deal, read, record.stage == 'won', deny"}},
		{"an older proof is enough", "p4, *, deal, export, 2, 300, deny", "p4, *, deal, export, 2, 600, deny",
			[]string{"widens_assurance: p4, *, deal, export, 2, 300, deny <- p4, *, deal, export, 2, 600, deny"}},
		{"a field opens", "p3, role:a, deal, stage, read, deny", "p3, role:a, deal, stage, read, allow",
			[]string{"widens_field: p3, role:a, deal, stage, read, deny <- p3, role:a, deal, stage, read, allow",
				"widens_field: p3, role:a, deal, stage, read, allow <- p3, role:a, deal, stage, read, deny"}},
		{"a role inherits another", "p, role:b, deal, read, all, , allow", "p, role:b, deal, read, all, , allow\ng, role:a, role:b",
			[]string{"widens_inherits: g, role:a, role:b"}},
		{"which it did already", "g, role:a, role:b\ng, role:b, role:c", "g, role:a, role:b\ng, role:b, role:c\ng, role:a, role:c", nil},
		{"a role is freed of a denial", "p, role:b, deal, read, all, , deny\ng, role:a, role:b", "p, role:b, deal, read, all, , deny",
			[]string{"widens_freed: g, role:a, role:b <- p, role:b, deal, read, all, , deny"}},
		{"a role loses grants", "p, role:b, deal, read, all, , allow\ng, role:a, role:b", "p, role:b, deal, read, all, , allow", nil},
		{"a row for every object did not apply to an unknown one", "p, role:a, *, read, all, , allow", "p, role:a, note, read, all, , allow",
			[]string{"widens_grant: p, role:a, note, read, all, , allow"}},
		{"a field without a name is in no answer", "p3, *, deal, *, read, deny\np3, role:a, deal, spare, read, deny", "p3, *, deal, *, read, deny",
			[]string{"widens_field: p3, role:a, deal, spare, read, deny [spare]"}},
		{"a denial that gives a word its meaning", "p, role:a, deal, *, all, , allow", "p, role:a, deal, *, all, , allow\np, role:b, deal, dance, own, , deny",
			[]string{"widens_word: p, role:b, deal, dance, own, , deny [dance]"}},
		{"a denial that gives every word one, of an object without a catalogue's", "p, *, *, *, all, , allow\np3, *, note, pin, read, deny",
			"p, *, *, *, all, , allow\np3, *, note, pin, read, deny\np, role:b, note, *, own, , deny",
			[]string{"widens_word: p, role:b, note, *, own, , deny [note]"}},
		{"a grant that does", "p, *, *, *, all, , allow\np3, *, note, pin, read, deny",
			"p, *, *, *, all, , allow\np3, *, note, pin, read, deny\np, role:b, note, *, own, , allow",
			[]string{"widens_grant: p, role:b, note, *, own, , allow", "widens_word: p, role:b, note, *, own, , allow [note]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := review.Findings(mustDocument(t, c.before), mustDocument(t, c.after), mustCatalog(t, crmCatalog))
			found = slices.DeleteFunc(found, func(f model.Finding) bool { return !strings.HasPrefix(string(f.Code), "widens") })
			if diff := cmp.Diff(c.want, said(found)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, f := range found {
				if !f.New || f.Severity != model.SeverityWarning {
					t.Errorf("%+v is no news, or no warning", f)
				}
			}
		})
	}
}

func TestWhatNobodyMayDoAnyMore(t *testing.T) {
	const all = "p, role:a, rolegate.policy, *, all, , allow\np, role:b, rolegate.user, read, own, , allow\n"
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{"nothing is lost", all, all + "p, role:a, deal, read, all, , allow", nil},
		{"a row gone", all, "p, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish, read]"}},
		{"a part of one", all, "p, role:c, rolegate.policy, read, own, , allow\np, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish]"}},
		{"by another role", all, "p, role:z, *, *, all, , allow", nil},
		{"denied to all", all, all + "p, *, *, publish, all, , deny", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish]"}},
		{"denied to another", all, all + "p, role:b, *, publish, all, , deny", nil},
		{"of everything", "p, role:a, *, *, all, , allow", "p, role:a, rolegate.policy, *, all, , allow\np, role:a, rolegate.user, *, all, , allow", []string{"nobody_left: p, role:a, *, *, all, , allow [rolegate.audit: read]"}},
		{"of the CRM it is as meant", "p, role:a, deal, read, all, , allow", "", nil},
		{"by a denial that spares some", all, "p, role:a, rolegate.policy, *, all, 'role:night' in user.roles, deny\np, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish, read]"}},
		{"what was denied first", "p, role:z, rolegate.policy, publish, own, , deny\n" + all, "p, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish, read]"}},
		{"behind a row of the CRM", "p, role:z, deal, read, all, , allow\n" + all, "p, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish, read]"}},
		{"by two rows", all + "p, role:c, rolegate.policy, read, all, , allow", "p, role:b, rolegate.user, read, own, , allow", []string{"nobody_left: p, role:a, rolegate.policy, *, all, , allow [rolegate.policy: publish, read]"}},
		{"denied before", all + "p, *, *, publish, all, , deny", "p, role:a, rolegate.policy, read, all, , allow\np, role:b, rolegate.user, read, own, , allow", nil},
	} {
		found := review.Findings(mustDocument(t, c.before), mustDocument(t, c.after), mustCatalog(t, crmCatalog))
		found = slices.DeleteFunc(found, func(f model.Finding) bool { return f.Code != model.FindingNobody })
		if diff := cmp.Diff(c.want, said(found)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		for _, f := range found {
			if !f.New || f.Severity != model.SeverityWarning || (f.Line == 0) != !strings.Contains(c.after, f.Row.Text) {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
	}
}

// What was there before is told from what is new, and a finding about a role is the
// same by whatever row.
func TestWhatIsNew(t *testing.T) {
	before := "p, role:a, deal, read, own, , allow\np, role:a, deal, read, all, , allow\np, role:b, rolegate.user, update, all, , allow\n"
	after := "p, role:b, rolegate.user, *, all, , allow\n" + before + "p, role:c, deal, update, own, , allow\np, role:c, deal, *, own, , allow\n"
	news := map[string]bool{}
	for _, f := range review.Findings(mustDocument(t, before), mustDocument(t, after), mustCatalog(t, crmCatalog)) {
		news[string(f.Code)+" "+f.Row.Text] = f.New
	}
	for key, want := range map[string]bool{
		"shadowed p, role:a, deal, read, own, , allow":             false,
		"shadowed p, role:c, deal, update, own, , allow":           true,
		"duties_outside p, role:b, rolegate.user, *, all, , allow": false,
		"shadowed p, role:b, rolegate.user, update, all, , allow":  true,
		"widens_grant p, role:b, rolegate.user, *, all, , allow":   true,
	} {
		if got, found := news[key]; !found || got != want {
			t.Errorf("%s: new %v (found %v), want %v", key, got, found, want)
		}
	}
}

func starter(t testing.TB) (*policy.Document, *policy.Catalog) {
	t.Helper()
	text, err := os.ReadFile("../../../policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := os.ReadFile("../../../model/catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return mustDocument(t, string(text)), mustCatalog(t, string(cat))
}

// What is found of the starter policy is true of it, and looked at one by one.
func TestStarterPolicy(t *testing.T) {
	doc, cat := starter(t)
	if diff := cmp.Diff([]string(nil), said(review.Findings(doc, doc, cat))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func BenchmarkFindings(b *testing.B) {
	for _, shape := range []workload.Shape{workload.Medium, workload.CRM.Conditioned()} {
		b.Run(shape.Name, func(b *testing.B) {
			w := shape.Tenant(0)
			doc, cat := mustDocument(b, w.Policy), mustCatalog(b, w.Catalog)
			lines := strings.SplitAfter(w.Policy, "\n")
			before := mustDocument(b, strings.Join(lines[:len(lines)*9/10], ""))
			found := 0
			for b.Loop() {
				found = len(review.Findings(before, doc, cat))
			}
			b.ReportMetric(float64(len(doc.Rows)), "rows")
			b.ReportMetric(float64(found), "findings")
		})
	}
}
