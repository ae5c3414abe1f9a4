package ocsf

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/internal/audit/ocsf/ocsftest"
	"rolegate/model"
)

// The schema the events are held to is the one they say they are of.
func TestSchemaVersion(t *testing.T) {
	if ocsftest.Version != SchemaVersion {
		t.Errorf("the schema is of version %s", ocsftest.Version)
	}
}

// constants are the constants of a type in package audit, with their values.
func constants(t *testing.T, typeName string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if id, ok := v.Type.(*ast.Ident); !ok || id.Name != typeName {
					continue
				}
				value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				found[value] = v.Names[0].Name
			}
		}
	}
	return found
}

// Every activity and act of the log is mapped, and nothing that is none.
func TestEverythingIsMapped(t *testing.T) {
	activities := constants(t, "Activity")
	if len(activities) < 80 {
		t.Fatalf("only %d activities were found", len(activities))
	}
	for value, name := range activities {
		if _, ok := Activities[audit.Activity(value)]; !ok {
			t.Errorf("audit.%s has no row in Activities", name)
		}
	}
	for a := range Activities {
		if activities[string(a)] == "" {
			t.Errorf("Activities has %q, which is no activity", a)
		}
	}
	acts := constants(t, "ActKind")
	for value, name := range acts {
		if _, ok := Acts[audit.ActKind(value)]; !ok {
			t.Errorf("audit.%s has no row in Acts", name)
		}
	}
	if len(acts) != len(Acts) {
		t.Errorf("%d acts, %d mapped", len(acts), len(Acts))
	}
}

var maker = Maker{Version: "v1.2.3", Issuer: "https://rolegate.example.com"}

// asJSON is the event as a receiver has it.
func asJSON(t testing.TB, e Event) map[string]any {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

var ref = func(n byte) audit.SegRef {
	return audit.SegRef{Ref: bytes.Repeat([]byte{n}, 16), Epoch: "login/2026-11", Sum: bytes.Repeat([]byte{n}, 32)}
}

// leaves are many shapes of one activity's leaf.
func leaves(a audit.Activity, each func(l audit.Leaf, revealed []map[string]any)) {
	full := map[string]any{"person": "user:ann", "subject": "user:ann", "caller": "user:bob", "address": "192.0.2.7", "agent": "curl/8",
		"resource": "contact:7", "methods": []any{"pwd", "otp"}, "id": "emea"}
	for _, outcome := range []audit.Outcome{audit.OutcomeOK, audit.OutcomeAllow, audit.OutcomeDeny, audit.OutcomeError} {
		for _, actor := range []model.CallerKind{model.CallerAnonymous, model.CallerUser, model.CallerClient, model.CallerOperator, model.CallerSystem} {
			for _, segments := range []int{0, 1, 3} {
				l := audit.Leaf{Version: 1, Time: 1_790_000_000_123_456, Class: audit.ClassAdmin, Activity: a, Outcome: outcome, Actor: string(actor),
					Source: []byte("12345678"), Seq: 9}
				if a == audit.Evaluated || strings.HasPrefix(string(a), "authz") {
					l.Class = audit.ClassDecision
				}
				for n := range segments {
					l.Segments = append(l.Segments, ref(byte(n+1)))
				}
				each(l, nil)
				l.Tenant, l.Request, l.Service, l.Level, l.Code = bytes.Repeat([]byte{9}, 16), "trace", "crm-backend", 2, model.ReasonNotGranted
				l.Roles, l.Object, l.Rule, l.PolicyHash, l.Revision = []string{"role:rep"}, "contact", "p:12", []byte{1, 2}, 7
				l.Count = -1
				each(l, nil)
				revealed := make([]map[string]any, segments)
				for n := range segments {
					revealed[n] = full
				}
				if segments > 1 {
					revealed[1] = nil
				}
				each(l, revealed)
				l.Count, l.Since = 12, 1_789_999_940_000_000
				each(l, revealed)
				l.Object, l.Since = "", 0
				l.Items = []audit.Item{{Outcome: audit.OutcomeAllow, Object: "contact", Op: "read"}, {Outcome: audit.OutcomeDeny, Object: "deal"}}
				each(l, revealed)
			}
		}
	}
}

// Whatever an entry holds, its event is one of the schema.
func TestEventsAreOfTheSchema(t *testing.T) {
	s := ocsftest.Load(t)
	check := func(t *testing.T, l audit.Leaf, revealed []map[string]any) {
		t.Helper()
		if t.Failed() {
			return // one shape says enough
		}
		m := mapping(&l)
		e := asJSON(t, maker.Event(1<<40, l, bytes.Repeat([]byte{3}, 32), revealed))
		for _, wrong := range s.Check(e, int(m.Class)) {
			t.Errorf("%s of %s, %d segments: %s", l.Outcome, l.Actor, len(l.Segments), wrong)
		}
	}
	for a := range Activities {
		t.Run(string(a), func(t *testing.T) {
			leaves(a, func(l audit.Leaf, revealed []map[string]any) { check(t, l, revealed) })
		})
	}
	for op := range operations {
		t.Run("evaluate "+op, func(t *testing.T) {
			leaves(audit.Evaluated, func(l audit.Leaf, revealed []map[string]any) { l.Op = op; check(t, l, revealed) })
		})
	}
	for kind := range Acts {
		t.Run(string(kind), func(t *testing.T) {
			leaves("erasure", func(l audit.Leaf, revealed []map[string]any) { l.Act = &audit.Act{Kind: kind}; check(t, l, revealed) })
		})
	}
	t.Run("of a newer release", func(t *testing.T) {
		leaves("not_yet_known", func(l audit.Leaf, revealed []map[string]any) { check(t, l, revealed) })
		for _, wrong := range s.Check(asJSON(t, maker.Unreadable(7, []byte{0xa0}, make([]byte, 32), 1_790_000_000_123)), int(BaseEvent)) {
			t.Error(wrong)
		}
	})
}

// The check itself finds what is wrong.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	s := ocsftest.Load(t)
	l := audit.Leaf{Time: 1_790_000_000_123_456, Class: audit.ClassDecision, Activity: audit.Evaluated, Op: "read", Outcome: audit.OutcomeDeny, Actor: "client",
		Service: "crm", Segments: []audit.SegRef{ref(1)}, Object: "contact"}
	for name, c := range map[string]struct {
		spoil func(e map[string]any)
		want  string
	}{
		"nothing":             {func(e map[string]any) {}, ""},
		"another class":       {func(e map[string]any) { e["class_uid"], e["type_uid"] = 3001.0, 300102.0 }, "class_uid"},
		"type of another":     {func(e map[string]any) { e["type_uid"] = 600303.0 }, "type_uid"},
		"another category":    {func(e map[string]any) { e["category_uid"] = 3.0 }, "category_uid"},
		"no actor":            {func(e map[string]any) { delete(e, "actor") }, "actor: missing"},
		"no metadata":         {func(e map[string]any) { delete(e, "metadata") }, "metadata: missing"},
		"no product":          {func(e map[string]any) { delete(e["metadata"].(map[string]any), "product") }, "metadata.product: missing"},
		"unknown activity":    {func(e map[string]any) { e["activity_id"], e["type_uid"] = 7.0, 600307.0 }, "activity_id"},
		"unknown severity":    {func(e map[string]any) { e["severity_id"] = 9.0 }, "severity_id"},
		"unknown status":      {func(e map[string]any) { e["status_id"] = 3.0 }, "status_id"},
		"unknown attribute":   {func(e map[string]any) { e["names"] = "x" }, "names: no attribute"},
		"attribute of others": {func(e map[string]any) { e["entity"] = map[string]any{"name": "x"} }, "entity: no attribute"},
		"no profile":          {func(e map[string]any) { delete(e["metadata"].(map[string]any), "profiles") }, "profile security_control"},
		"empty actor":         {func(e map[string]any) { e["actor"] = map[string]any{} }, "at_least_one"},
		"time as text":        {func(e map[string]any) { e["time"] = "now" }, "time"},
		"no address":          {func(e map[string]any) { e["src_endpoint"] = map[string]any{"ip": "nowhere"} }, "src_endpoint.ip"},
		"other without name":  {func(e map[string]any) { e["activity_id"], e["type_uid"] = 99.0, 600399.0 }, "99 without activity_name"},
		"wrong name":          {func(e map[string]any) { e["activity_name"] = "Delete" }, "activity_name"},
		"another version":     {func(e map[string]any) { e["metadata"].(map[string]any)["version"] = "1.9.0" }, "metadata.version"},
	} {
		t.Run(name, func(t *testing.T) {
			e := asJSON(t, maker.Event(1, l, nil, nil))
			c.spoil(e)
			wrong := s.Check(e, int(APIActivity))
			found := slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.want) })
			if (c.want == "") != (len(wrong) == 0) || !found && c.want != "" {
				t.Errorf("found %q, want %q", wrong, c.want)
			}
		})
	}
}

// What stands where, by example.
func TestEvents(t *testing.T) {
	read := audit.Leaf{Time: 1_790_000_000_123_456, Tenant: []byte{0xaa}, Class: audit.ClassDecision, Activity: audit.Evaluated, Outcome: audit.OutcomeDeny,
		Code: model.ReasonNotGranted, Roles: []string{"role:rep"}, Object: "contact", Op: "read", Rule: "p:12", PolicyHash: []byte{0xbb}, Revision: 7,
		Service: "crm", Request: "trace", Actor: "client", Source: []byte{1}, Seq: 3, Segments: []audit.SegRef{ref(1), ref(2)}}
	export := read
	export.Op, export.Outcome = "export", audit.OutcomeAllow
	token := audit.Leaf{Class: audit.ClassLogin, Activity: audit.ClientToken, Outcome: audit.OutcomeOK, Service: "crm", Actor: "anonymous", Segments: []audit.SegRef{ref(5)}}
	login := audit.Leaf{Class: audit.ClassLogin, Activity: audit.LoginSucceeded, Outcome: audit.OutcomeOK, Level: 2, Actor: "anonymous", Segments: []audit.SegRef{ref(1)}}
	assign := audit.Leaf{Class: audit.ClassBreakGlass, Activity: audit.RoleAssigned, Outcome: audit.OutcomeOK, Roles: []string{"role:system-admin"}, Actor: "operator",
		Segments: []audit.SegRef{ref(1), ref(2)}}
	client := audit.Leaf{Class: audit.ClassAdmin, Activity: audit.ClientDisabled, Outcome: audit.OutcomeOK, Service: "crm", Actor: "operator", Segments: []audit.SegRef{ref(2)}}
	erased := audit.Leaf{Class: audit.ClassSystem, Activity: "erase", Outcome: audit.OutcomeOK, Actor: "system", Act: &audit.Act{Kind: audit.EraseExecuted}}
	names := []map[string]any{{"subject": "user:ann", "resource": "contact:7", "address": "::ffff:192.0.2.7", "agent": "curl/8"}, nil}
	flood := read
	flood.Count, flood.Since = 9_000, 1_789_999_940_000_000
	late := flood // by a buffer that could not write for a while
	late.Count = 0
	one, two := strings.Repeat("01", 16), strings.Repeat("02", 16)
	for name, c := range map[string]struct {
		leaf     audit.Leaf
		revealed []map[string]any
		want     map[string]any
	}{
		"a decision": {read, nil, map[string]any{"class_uid": 6003., "activity_id": 2., "time": 1_790_000_000_123., "severity_id": 2., "status_id": 2., "action_id": 2.,
			"status_code": string(model.ReasonNotGranted), "metadata.uid": "42", "metadata.tenant_uid": "aa", "metadata.correlation_uid": "trace", "metadata.event_code": "authz_evaluate",
			"metadata.product.version": "v1.2.3", "actor.user.uid": one, "actor.user.name": nil, "actor.app_name": "crm", "actor.user.groups.0.name": "role:rep",
			"actor.authorizations.0.policy.uid": "bb", "actor.authorizations.0.policy.name": "p:12", "actor.authorizations.0.policy.version": "7",
			"src_endpoint.svc_name": "crm", "src_endpoint.ip": nil, "resources.0.type": "contact", "resources.0.uid": nil, "unmapped.people.1": two, "unmapped.personal": nil}},
		"with names": {read, names, map[string]any{"actor.user.uid": one, "actor.user.name": "user:ann", "src_endpoint.ip": "::ffff:192.0.2.7",
			"http_request.user_agent": "curl/8", "resources.0.uid": "contact:7", "unmapped.personal.0.resource": "contact:7"}},
		"a flood": {flood, nil, map[string]any{"class_uid": 6003., "status_id": 2., "count": 9_000., "start_time": 1_789_999_940_000., "unmapped.since": 1_789_999_940_000., "end_time": 1_790_000_000_123.,
			"time": 1_790_000_000_123.}},
		"what came late":      {late, nil, map[string]any{"class_uid": 6003., "count": nil, "start_time": nil, "unmapped.since": 1_789_999_940_000.}},
		"an export":           {export, nil, map[string]any{"class_uid": 6001., "activity_id": 7., "severity_id": 1., "status_id": 1., "action_id": 1., "web_resources.0.type": "contact"}},
		"a client's token":    {token, nil, map[string]any{"class_uid": 3002., "activity_id": 3., "user.uid": "crm", "user.type_id": 4., "service.name": "Rolegate"}},
		"a login":             {login, nil, map[string]any{"class_uid": 3002., "activity_id": 1., "user.uid": one, "is_mfa": true, "severity_id": 1.}},
		"a role by the host":  {assign, nil, map[string]any{"class_uid": 3005., "activity_id": 1., "user.uid": one, "actor.user.uid": two, "actor.user.type_id": 2., "privileges.0": "role:system-admin", "severity_id": 3.}},
		"a client shut out":   {client, nil, map[string]any{"class_uid": 3004., "activity_id": 9., "entity.uid": "crm", "actor.app_name": nil, "actor.user.uid": two, "src_endpoint.svc_name": nil}},
		"an erasure":          {erased, nil, map[string]any{"class_uid": 3004., "activity_id": 4., "severity_id": 4., "entity.type": "audit_log", "unmapped.act": "erase_execute"}},
		"an activity to come": {audit.Leaf{Activity: "x", Outcome: audit.OutcomeOK}, nil, map[string]any{"class_uid": 0., "activity_id": 99., "activity_name": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := asJSON(t, maker.Event(42, c.leaf, []byte{1}, c.revealed))
			got := map[string]any{}
			for path := range c.want {
				got[path] = at(e, path)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// at is the value at a path; nil where there is none.
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch w := v.(type) {
		case map[string]any:
			v = w[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(w) {
				return nil
			}
			v = w[n]
		default:
			return nil
		}
	}
	return v
}

var update = flag.Bool("update", false, "rewrite the table of docs/audit-export.md")

const (
	page  = "../../../docs/audit-export.md"
	begin = "<!-- table: go test ./internal/audit/ocsf -update -->\n"
	end   = "<!-- end of table -->\n"
)

// The page's table is the one that is used.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	was, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no table", page)
	}
	table := render(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(was, table); diff != "" {
		t.Errorf("the table of %s is not what is used; -update writes it (-page +used):\n%s", page, diff)
	}
}

// render is a line a class and activity, with the names of what it stands for.
func render(t *testing.T) string {
	s := ocsftest.Load(t)
	type row struct {
		class    Class
		activity int
	}
	names := map[row][]string{}
	add := func(m Mapping, name string) {
		r := row{m.Class, m.Activity}
		names[r] = append(names[r], "`"+name+"`")
	}
	for a, m := range Activities {
		if a != audit.Evaluated {
			add(m, string(a))
		}
	}
	for op, m := range operations {
		add(m, "authz_evaluate: "+op)
	}
	add(Activities[audit.Evaluated], "authz_evaluate: any other action")
	for k, m := range Acts {
		add(m, "act "+string(k))
	}
	var b strings.Builder
	b.WriteString("| class | activity | what the log calls it |\n|---|---|---|\n")
	rows := slices.SortedFunc(maps.Keys(names), func(x, y row) int { return (int(x.class)*100 + x.activity) - (int(y.class)*100 + y.activity) })
	for _, r := range rows {
		_, caption := s.Caption(int(r.class), r.activity)
		if caption == "" {
			t.Errorf("class %d has no activity %d", r.class, r.activity)
		}
		slices.Sort(names[r])
		fmt.Fprintf(&b, "| %s %d | %d %s | %s |\n", r.class.Caption(), r.class, r.activity, caption, strings.Join(names[r], ", "))
	}
	return b.String()
}

// Captions are the schema's.
func TestCaptions(t *testing.T) {
	s := ocsftest.Load(t)
	for c, caption := range captions {
		if got, _ := s.Caption(int(c), other); got != caption {
			t.Errorf("class %d is %q, not %q", c, got, caption)
		}
	}
}
