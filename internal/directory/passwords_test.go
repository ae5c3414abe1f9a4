package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rolegate/internal/audit"
	"rolegate/model"
)

const elsewhere = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

func TestImportUsers(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	_, err := s.Import(ctx, operator, "acme", []byte(`{"subjects": [{"type": "user", "id": "eve"}]}`), false, "")
	if err != nil {
		t.Fatal(err)
	}
	file := []byte(`{"users": [{"id": "bea", "username": "Bea@Example.com", "password_hash": "` + elsewhere + `"}, {"id": "ann", "password_hash": "` + elsewhere + `"}, {"id": "user:eve", "password_hash": "` + elsewhere + `"}]}`)

	before, size := tenant(t, s, "acme"), logSize(t, s)
	res, err := s.ImportUsers(ctx, operator, "acme", file, true, "")
	if err != nil || res.Users != 3 || !res.DryRun {
		t.Fatalf("dry run: %+v, %#v", res, err)
	}
	if now := tenant(t, s, "acme"); now.Revision != before.Revision || res.Revision != before.Revision {
		t.Errorf("a dry run moved the tenant from %d to %d, and says %d", before.Revision, now.Revision, res.Revision)
	}
	if _, err := s.Store.User(ctx, "acme", "bea"); err == nil {
		t.Error("a dry run made a user")
	}
	if got := activities(t, s, size); !slices.Equal(got, []audit.Activity{audit.UserImported}) {
		t.Errorf("a dry run recorded %v", got)
	}

	size = logSize(t, s)
	if res, err = s.ImportUsers(ctx, operator, "acme", file, false, ""); err != nil || res.Revision != before.Revision+1 {
		t.Fatalf("import: %+v, %v", res, err)
	}
	if got := activities(t, s, size); !slices.Equal(got, []audit.Activity{audit.UserImported, audit.UserImported, audit.UserImported}) {
		t.Errorf("recorded %v, want an entry for each person", got)
	}
	for id, name := range map[string]string{"ann": "ann", "bea": "Bea@Example.com", "eve": "eve"} {
		u, err := s.Store.User(ctx, "acme", id)
		if err != nil || u.Username != name || u.PasswordHash != elsewhere || u.CreatedAt.IsZero() {
			t.Errorf("%s: %+v, %v", id, u, err)
		}
		if _, err := s.Store.Subject(ctx, "acme", "user", id); err != nil {
			t.Errorf("%s is no subject: %v", id, err)
		}
	}
	if _, err := s.ImportUsers(ctx, operator, "acme", file, false, ""); model.CodeOf(err) != model.CodeImportInvalid {
		t.Errorf("whoever has a password gets another: %v", err)
	}
}

func TestImportUsersNamesEveryBadEntry(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	if _, err := s.ImportUsers(ctx, operator, "acme", []byte(`{"users": [{"id": "old", "password_hash": "`+elsewhere+`"}]}`), false, ""); err != nil {
		t.Fatal(err)
	}
	entry := func(id, name, hash string) string {
		return `{"id": "` + id + `", "username": "` + name + `", "password_hash": "` + hash + `"}`
	}
	file := `{"users": [` + strings.Join([]string{
		entry("good", "", elsewhere), entry("", "x", elsewhere), entry("a:b", "", elsewhere), entry("two words", "", elsewhere),
		entry("plain", "", "hunter2"), entry("none", "", ""), entry("dear", "", strings.Replace(elsewhere, "$05$", "$31$", 1)),
		entry("good", "", elsewhere), entry("other", "GOOD", elsewhere), entry("old", "", elsewhere), entry("new", "OLD", elsewhere),
		`{"id": "odd", "role": "admin"}`, `7`,
	}, ", ") + `]}`
	_, err := s.ImportUsers(ctx, operator, "acme", []byte(file), false, "")
	var invalid *model.Error
	if !errors.As(err, &invalid) || invalid.Code != model.CodeImportInvalid {
		t.Fatalf("import: %v", err)
	}
	var places []string
	for _, d := range invalid.Details {
		places = append(places, d.Path)
		if strings.Contains(d.Reason.Text, "hunter2") || strings.Contains(d.Reason.Text, "$") {
			t.Errorf("%s quotes the hash: %s", d.Path, d.Reason)
		}
	}
	slices.Sort(places)
	want := []string{"users[10]", "users[11].role", "users[12]", "users[1]", "users[2]", "users[3]", "users[4]", "users[5]", "users[6]", "users[7]", "users[8]", "users[9]"}
	if d := cmp.Diff(want, places); d != "" {
		t.Errorf("bad entries (-want +got):\n%s", d)
	}
	if _, err := s.Store.User(ctx, "acme", "good"); err == nil {
		t.Error("the good entry of a bad file was imported")
	}
	for _, broken := range []string{"", "[]", "{", `{"subjects": []}`, `{"users": 7}`, `{"users": []} x`} {
		if _, err := s.ImportUsers(ctx, operator, "acme", []byte(broken), false, ""); model.CodeOf(err) != model.CodeImportInvalid {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

// In a tenant with administrators somebody has to say why.
func TestImportUsersIsBreakGlass(t *testing.T) {
	s := newTenant(t)
	ctx := t.Context()
	file := func(id string) []byte {
		return []byte(`{"users": [{"id": "` + id + `", "password_hash": "` + elsewhere + `"}]}`)
	}
	if _, err := s.ImportUsers(ctx, operator, "acme", file("boss"), false, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Assign(ctx, operator, "acme", model.Assignment{Member: "user:boss", Role: model.SecurityAdmin}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ImportUsers(ctx, operator, "acme", file("bea"), false, ""); model.CodeOf(err) != model.CodeReasonRequired {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := s.ImportUsers(ctx, operator, "acme", file("bea"), false, "we moved"); err != nil {
		t.Errorf("with a reason: %v", err)
	}
}
