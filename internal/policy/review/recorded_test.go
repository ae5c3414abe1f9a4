package review_test

import (
	"context"
	"errors"
	"fmt"
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

// recalled is a request that the log has, answered by a code and a row.
func recalled(v *policy.View, user, action, record string, code model.Code, rule string) policy.Recalled {
	return policy.Recalled{Index: 1, At: noon, Asked: model.Entity{Type: "user", ID: user}, Action: action, Object: "deal", Record: record,
		Code: code, Rule: rule, PolicyHash: v.PolicyHash()}
}

// stored are the records of a test.
func stored(records ...model.Resource) func(context.Context, model.Entity) (*model.Resource, error) {
	return func(_ context.Context, e model.Entity) (*model.Resource, error) {
		i := slices.IndexFunc(records, func(r model.Resource) bool { return r.ID == e.ID && r.Type == e.Type })
		if i < 0 {
			return nil, nil
		}
		return &records[i], nil
	}
}

const replayPolicy = `p, role:rep, deal, read, own, , allow
p, role:rep, deal, update, all, record.stage == 'open', allow
p, role:rep, deal, export, all, , allow
p2, *, deal, update, request.time.getHours('UTC') < 18, deny
p, role:rep, deal, publish, all, !('role:night' in user.roles), allow
`

// TestReplay holds each reason not to compare a request against one that is compared.
func TestReplay(t *testing.T) {
	before := view(t, replayPolicy)
	rule := func(line int) string { return fmt.Sprint("p:", line) }
	own := model.Resource{Type: "deal", ID: "1", Attributes: map[string]any{"owner": "ann", "stage": "open"}}
	odd := model.Resource{Type: "deal", ID: "3", Attributes: map[string]any{"owner": 5.0}}
	const read, update, export, publish = 1, 2, 3, 5
	replace := func(old, new string) string {
		if !strings.Contains(replayPolicy, old) {
			t.Fatalf("no row has %q", old)
		}
		return strings.Replace(replayPolicy, old, new, 1)
	}
	allowed := func(action, record string, line int) policy.Recalled {
		return recalled(before, "ann", action, record, model.ReasonAllowed, rule(line))
	}
	with := func(r policy.Recalled, f func(*policy.Recalled)) policy.Recalled { f(&r); return r }
	noReads := replace("p, role:rep, deal, read, own, , allow\n", "p, role:rep, deal, publish, own, , allow\n")
	level2 := replayPolicy + "p4, *, deal, read, 2, , deny\n"
	for _, c := range []struct {
		name  string
		draft string
		asked policy.Recalled
		want  any // a kind of shift, of what is lost, or "" for answered alike
	}{
		{"what is registered", noReads, allowed("read", "1", read), model.ShiftLoses},
		{"a draft that says the same", replayPolicy + "# a comment\n", allowed("read", "1", read), ""},
		{"a draft about others", replayPolicy + "p, role:night, deal, read, all, , allow\n", allowed("read", "1", read), ""},
		{"a draft about others, and a request that is no longer answered so", replayPolicy + "p, role:night, deal, read, all, , allow\n", allowed("read", "2", read), ""},
		{"a draft about other actions", replace("export, all", "export, own"), allowed("read", "2", read), ""},
		{"a field opens", replayPolicy + "p3, role:rep, deal, margin, read, allow\n", allowed("read", "1", read), model.ShiftGains},
		{"a field is closed to others", replayPolicy + "p3, role:night, deal, margin, read, deny\n", allowed("read", "1", read), ""},
		{"a row of the same meaning", replace("deal, read, own", "deal,  read, own"), allowed("read", "1", read), ""},

		{"the owner was sent, and is not in the log", noReads, allowed("read", "2", read), model.UnseenOther},
		{"denied, since it was another's", replace("read, own", "read, team"), recalled(before, "ann", "read", "2", model.ReasonNotGranted, ""), model.UnseenUnsaid},
		{"denied, and all may", replace("read, own", "read, all"), recalled(before, "ann", "read", "2", model.ReasonNotGranted, ""), model.ShiftGains},
		{"denied for another reason then", replace("read, own", "read, all"), recalled(before, "ann", "read", "2", model.ReasonDenied, rule(9)), model.UnseenOther},
		{"by another row of the same document", noReads, allowed("read", "1", 9), model.UnseenOther},
		{"by another document", noReads, with(allowed("read", "1", 9), func(r *policy.Recalled) { r.PolicyHash = []byte("x") }), model.ShiftLoses},
		{"a condition on what was sent", replace("update, all,", "update, own,"), allowed("update", "2", update), model.UnseenOther},
		{"the draft's condition is on what was sent", replace("export, all, ,", `export, all, request.context.from == 'vpn',`), allowed("export", "1", export), model.UnseenUnsaid},
		{"and on how it was proven", replace("export, all, ,", `export, all, 'otp' in request.amr,`), with(allowed("export", "1", export), func(r *policy.Recalled) { r.Proven = model.Assurance{Level: 2, AuthTime: noon} }), model.UnseenUnsaid},
		{"a denial of the draft is on what was sent", replayPolicy + `p, *, deal, export, all, request.ip == '192.0.2.1', deny` + "\n", allowed("export", "1", export), model.UnseenUnsaid},
		{"a restriction is", replayPolicy + `p2, *, deal, export, request.context.from == 'vpn', deny` + "\n", allowed("export", "1", export), model.UnseenUnsaid},
		{"what it requires is", replace("read, own, ,", `read, own, request.context.from == 'vpn',`), allowed("export", "1", export), model.UnseenUnsaid},
		{"what is registered has no such attribute", replace("export, all, ,", `export, all, record.margin == 3.0,`), allowed("export", "1", export), model.ShiftLoses},
		{"a denial by an attribute that what is registered has not", replayPolicy + `p, *, deal, export, all, record.margin == 3.0, deny` + "\n", allowed("export", "1", export), model.ShiftLoses},
		{"what is registered cannot be read", replayPolicy + "p, *, deal, read, team, , deny\n", with(allowed("read", "3", read), func(r *policy.Recalled) { r.Code, r.Rule = model.ReasonNotGranted, "" }), model.ShiftReason},
		{"a role that only conditions name", replayPolicy + "g, role:rep, role:night\n", allowed("publish", "1", publish), model.ShiftLoses},
		{"without a record", noReads, allowed("read", "*", read), model.ShiftLoses},
		{"without a record, by what was sent", replace("read, own, ,", `read, own, request.context.from == 'vpn',`), allowed("read", "*", read), model.UnseenUnsaid},
		{"without a record, by attributes", replace("read, own, ,", `read, own, record.stage == 'open',`), allowed("read", "*", read), ""},

		{"at its hour", replayPolicy + "p2, *, deal, export, request.time.getHours('UTC') > 12, deny\n", allowed("export", "1", export), model.ShiftLoses},
		{"at another", replayPolicy + "p2, *, deal, export, request.time.getHours('UTC') > 12, deny\n", with(allowed("export", "1", export), func(r *policy.Recalled) { r.At = noon.Add(2 * time.Hour) }), ""},
		{"with its proof", level2, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Proven = model.Assurance{Level: 2, AuthTime: noon} }), ""},
		{"with less", level2, allowed("read", "1", read), model.ShiftProof},
		{"with a proof that is not kept", level2, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Unsaid = true }), model.UnseenUnsaid},
		{"with a proof that does not matter", noReads, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Unsaid = true }), model.ShiftLoses},

		{"by nobody any more", noReads, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Asked.ID = "zoe" }), model.UnseenGone},
		{"by nobody then", noReads, recalled(before, "zoe", "read", "1", model.ReasonSubjectUnknown, ""), ""},
		{"of an object there is not", noReads, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Object = "thing" }), model.UnseenGone},
		{"whose person was erased", noReads, with(allowed("read", "1", read), func(r *policy.Recalled) { r.Asked, r.Erased = model.Entity{}, true }), model.UnseenErased},
		{"whose record was erased", noReads, with(allowed("read", "", read), func(r *policy.Recalled) { r.Erased = true }), model.UnseenErased},
		{"whose record is not kept", noReads, allowed("read", "", read), model.UnseenUnsaid},
		{"whose record does not matter", replayPolicy + "\n", with(allowed("read", "", read), func(r *policy.Recalled) { r.Erased = true }), ""},
	} {
		after := under(t, before, c.draft)
		got, err := review.Replay(t.Context(), before, after, review.Requests{Each: []policy.Recalled{c.asked}, Stored: stored(own, odd)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := model.Recorded{Compared: 1, Same: 1}
		switch w := c.want.(type) {
		case model.ShiftKind:
			want.Same, want.Different = 0, 1
			if len(got.Shifts) != 1 || got.Shifts[0].Kind != w || !slices.Equal(got.Shifts[0].Entries, []int64{1}) || got.Shifts[0].Samples != 1 || len(got.Shifts[0].Records) > 0 {
				t.Errorf("%s: shifts %+v, left %+v", c.name, got.Shifts, got.Left)
			}
		case model.UnseenKind:
			want.Compared, want.Same = 0, 0
			if diff := cmp.Diff([]model.Unseen{{What: w, Of: 1}}, got.Left); diff != "" {
				t.Errorf("%s: %+v (-want +got)\n%s", c.name, got.Shifts, diff)
			}
		default:
			if len(got.Shifts) > 0 || len(got.Left) > 0 {
				t.Errorf("%s: shifts %+v, left %+v", c.name, got.Shifts, got.Left)
			}
		}
		if got.Compared != want.Compared || got.Same != want.Same || got.Different != want.Different {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// Many are gathered by who asked for what, with some of their entries; what is listed is
// bounded, and what is beyond is counted. It ends with its context, and with a record that
// cannot be read.
func TestReplayIsBounded(t *testing.T) {
	before := view(t, crmPolicy)
	after := under(t, before, crmPolicy+everyAct(150))
	var asked []policy.Recalled
	for i := range 450 {
		r := recalled(before, "ann", fmt.Sprintf("act%d", i%150), "1", model.ReasonActionUnknown, "")
		r.Index = int64(i / 300) // a batch has many requests in one entry
		asked = append(asked, r)
	}
	got, err := review.Replay(t.Context(), before, after, review.Requests{Each: asked, Counted: 7, Stored: stored()})
	if err != nil || got.Different != 450 || len(got.Shifts) != review.MaxRequestShifts || got.Unlisted != 50 || got.Shifts[0].Samples != 3 || !slices.Equal(got.Shifts[0].Entries, []int64{0, 1}) {
		t.Errorf("%d differ, %d listed and %d not, %v: %+v", got.Different, len(got.Shifts), got.Unlisted, err, got.Shifts[:1])
	}
	if diff := cmp.Diff([]model.Unseen{{What: model.UnseenCounted, Of: 7}}, got.Left); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i := range asked {
		asked[i].Action, asked[i].Index = "act1", int64(i)
	}
	if got, err = review.Replay(t.Context(), before, after, review.Requests{Each: asked, Stored: stored()}); err != nil || len(got.Shifts) != 1 || len(got.Shifts[0].Entries) != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := review.Replay(ctx, before, after, review.Requests{Each: asked, Stored: stored()}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	if _, err := review.Replay(t.Context(), before, after, review.Requests{Each: asked, Stored: func(context.Context, model.Entity) (*model.Resource, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("broken: %v", err)
	}
}

func BenchmarkReplay(b *testing.B) {
	w := workload.CRM.Tenant(0)
	before := workloadView(b, w)
	lines := strings.SplitAfter(w.Policy, "\n")
	after := under(b, before, strings.Join(lines[:len(lines)*9/10], ""))
	var asked []policy.Recalled
	for s, err := range review.Roster(before, before, nil, 200, policy.Inputs{Now: noon}).Each {
		if err != nil || len(asked) == 10_000 {
			break
		}
		d := before.Decide(&s.Question, &s.Inputs)
		q := &s.Question
		asked = append(asked, policy.Recalled{At: noon, Asked: q.Subject, Action: q.Action.Name, Object: q.Resource.Type, Record: q.Resource.ID, Code: d.Code})
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := review.Replay(b.Context(), before, after, review.Requests{Each: asked, Stored: stored()}); err != nil || got.Compared == 0 {
			b.Fatal(got, err)
		}
	}
	b.ReportMetric(float64(len(asked)), "requests")
}
