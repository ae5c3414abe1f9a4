package storetest

import (
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// hostile texts must come back as they went in, and mean nothing to SQL.
var hostile = []string{
	`it's`, `"quoted"`, "`tick`", `back\slash`, `100%`, `under_score`, `a; DROP TABLE users; --`, `$1`, `?`, `:name`,
	"line\nbreak\ttab\r", "\x01\x7f", " space around ", "é", "e\u0301", "ß", "İ", "销售代表", "🙂", "\u202eright to left", "\ufeff",
	"\ufffd", "{}", "null", "0", "1e3", "0001", "true",
}

var textTests = []storeTest{
	{"Text/HostileTextsComeBack", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		for i, s := range hostile {
			u := model.User{Tenant: "t", ID: s, Username: s, UsernameKey: s, PasswordHash: s}
			f.must(f.InsertUser(ctx, u))
			got, err := f.User(ctx, "t", s)
			same(t, fmt.Sprintf("User %q", s), got, err, u)
			got, err = f.UserByName(ctx, "t", s)
			same(t, fmt.Sprintf("UserByName %q", s), got, err, u)
			sub := model.Subject{Type: "user", ID: s, Unit: s, Teams: []string{s}, Attributes: map[string]any{s: s}}
			f.must(f.PutSubject(ctx, "t", sub))
			gotSub, err := f.Subject(ctx, "t", "user", s)
			same(t, fmt.Sprintf("Subject %q", s), gotSub, err, sub)
			users, err := f.ListUsers(ctx, "t", "", 1000)
			same(t, "number of users", len(users), err, i+1)
		}
	}},
	{"Text/CaseAndSpaceMatter", func(t *testing.T, f fixture) {
		ctx := t.Context()
		for _, id := range []string{"ann", "ANN", "Ann", "ann ", "änn", "a%", "a_n"} {
			f.user(id)
			f.must(f.EnsureRole(ctx, "t", id))
			f.must(f.PutAssignment(ctx, "t", model.Assignment{Member: id, Role: id}))
		}
		for _, id := range []string{"aNN", "an", "%", "ÄNN", "ann\u00a0"} {
			_, err := f.User(ctx, "t", id)
			wantErr(t, "User "+id, err, store.ErrNotFound)
			_, err = f.UserByName(ctx, "t", id)
			wantErr(t, "UserByName "+id, err, store.ErrNotFound)
			took, err := f.DeleteRole(ctx, "t", id)
			no(t, "DeleteRole "+id, took, err)
		}
		got, err := f.Assignments(ctx, "t", "a%", "")
		same(t, "Assignments of a%", got, err, []model.Assignment{{Member: "a%", Role: "a%"}})
	}},
	{"Text/NulAndBrokenUTF8AreRefused", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		for _, s := range []string{"a\x00b", "\x00", "a\xffb", "\xed\xa0\x80"} {
			_, lookup := f.User(ctx, "t", s)
			_, list := f.ListUsers(ctx, "t", s, 1)
			for what, err := range map[string]error{
				"InsertUser": f.InsertUser(ctx, model.User{Tenant: "t", ID: s, UsernameKey: "x"}),
				"PutSubject": f.PutSubject(ctx, "t", model.Subject{Type: "user", ID: s}),
				"User":       lookup,
				"ListUsers":  list,
			} {
				wantCode(t, fmt.Sprintf("%s with %q", what, s), err, model.CodeInvalidRequest)
			}
		}
	}},
	{"Text/BytesAreAnyBytes", func(t *testing.T, f fixture) {
		ctx := t.Context()
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
		}
		f.must(f.InsertMeta(ctx, "b", b))
		got, err := f.MetaValue(ctx, "b")
		same(t, "MetaValue", got, err, b)
		got[0] = 99
		again, err := f.MetaValue(ctx, "b")
		same(t, "MetaValue after the first was changed", again, err, b)
	}},
	{"Text/LargeValues", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		big := make([]byte, 3<<20)
		for i := range big {
			big[i] = 'a' + byte(i%26)
		}
		p := store.PolicyRevision{Tenant: "t", Revision: 1, Text: string(big)}
		f.must(f.InsertPolicy(ctx, p))
		got, err := f.CurrentPolicy(ctx, "t")
		if err != nil || got.Text != p.Text {
			t.Errorf("CurrentPolicy gave %d bytes, %v; want %d", len(got.Text), err, len(big))
		}
	}},
	{"Times/UTCMicrosecondsAndZero", func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.tenant("t")
		f.must(f.EnsureRole(ctx, "t", "r"))
		for _, c := range []struct{ in, want time.Time }{
			{time.Time{}, time.Time{}},
			{now, now},
			{now.In(time.FixedZone("CST", 8*3600)), now},
			{now.Add(999 * time.Nanosecond), now},
			{time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)},
			{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		} {
			f.must(f.PutAssignment(ctx, "t", model.Assignment{Member: "m", Role: "r", From: c.in}))
			got, err := f.Assignments(ctx, "t", "m", "r")
			f.must(err)
			if from := got[0].From; from != c.want || !got[0].Until.IsZero() {
				t.Errorf("time %v came back as %v, want %v", c.in, from, c.want)
			}
		}
	}},
}
