package checklist

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func init() {
	holds(12, "passwords that differ only after byte 72 are different passwords", longPasswords)
	holds(14, "spaces, Chinese, emoji and NUL count exactly as they were set", exactPasswords)
	holds(15, "an old hash logs in and is replaced by a current one; a wrong password replaces nothing", oldHashes)
	holds(16, "a hash that would cost gigabytes or minutes is refused at import and at login", hostileHashes)
	holds(110, "changing a password takes the current one and a fresh second factor", changeNeedsBoth)
	holds(111, "a change ends other sessions, refresh tokens, login tickets, a waiting invitation and known devices", changeEndsTheOld)
	holds(112, "a wrong current password at a change is throttled: after five the right one has to wait as well, and the wait grows", currentPassword)
	holds(120, "no password has to be changed because of its age", noPasswordExpires)
	stands(121, "people are told of a change of password or factor", "mail is later work; until then the log has the entry `authn_password_change`, sealed for the person")
	stands(107, "a trusted device skips the code for its own user, in this browser, for a while, and not where a role forbids it", "no device skips a code: a known device is not slowed by strangers, and proves nothing")
	stands(108, "a trusted device's cookie that was copied is noticed", "as E107")
	holds(182, "passwords are stored as argon2id of at least 19 MiB and 2 passes, with a salt of 16 bytes of their own", storedHashes)
}

var ctx = context.Background()

// acceptWith takes an invitation with a password, up to what follows it.
func acceptWith(k *testkit.Kit, invite, password string) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/invite/accept", "", map[string]any{"invite": invite, "password": password})
}

func logIn(k *testkit.Kit, user string, password any) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/login", "", map[string]any{"username": user, "password": password})
}

func longPasswords(t *testing.T) {
	k := testkit.New(t)
	same := strings.Repeat("walrus 7 ", 8) // 72 bytes
	k.Want(acceptWith(k, k.Invite("ann"), same+"the right end, long"), 200)
	for _, wrong := range []string{same + "the wrong end, long", same + "the right end, lonG", same + "the right end, long ", same + "x", same} {
		k.Want(logIn(k, "ann", wrong), 401, "code", "login_failed")
	}
	k.Advance(time.Minute) // so many wrong ones take a pause
	k.Want(logIn(k, "ann", same+"the right end, long"), 200)

	// An imported bcrypt hash saw 72 bytes: of a longer password it proves nothing, so
	// neither end of it logs in, and none becomes the password.
	old, err := bcrypt.GenerateFromPassword([]byte(same), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := importUsers(k, false, user("bob", string(old))); err != nil {
		t.Fatal(err)
	}
	for _, longer := range []string{same + "the wrong end", same + "the right end", same + "x"} {
		k.Want(logIn(k, "bob", longer), 401, "code", "login_failed")
	}
	if storedHash(k, "bob") != string(old) {
		t.Error("a password that bcrypt cannot prove has replaced its hash")
	}
	k.Want(logIn(k, "bob", same), 200)
	k.Want(logIn(k, "bob", same+"x"), 401, "code", "login_failed")

	// Who had a longer one is invited anew.
	inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	k.Want(acceptWith(k, inv.Invite, same+"the right end"), 200)
	k.Want(logIn(k, "bob", same+"the right end"), 200)
	k.Want(logIn(k, "bob", same+"the wrong end"), 401, "code", "login_failed")
}

func exactPasswords(t *testing.T) {
	k := testkit.New(t)
	for user, c := range map[string]struct {
		set   string
		wrong []string
	}{
		"spaces":  {"  kite and walrus  ", []string{"kite and walrus", "  kite and walrus", "kite and walrus  "}},
		"chinese": {"鱼在云上读旧书呢", []string{"鱼在云上读旧书", "鱼在云上读旧书呢 "}},
		"emoji":   {"🐟☁️📖🪁🐟☁️📖🪁", []string{"🐟☁📖🪁🐟☁📖🪁"}}, // without variation selectors
		"nul":     {"walrus\x00and kite", []string{"walrus", "walrus\x00", "walrusand kite", "walrus\x00and kitf"}},
		"accent":  {"caf\u00e9 walrus kite", []string{"cafe\u0301 walrus kite", "cafe walrus kite"}},
		"case":    {"Walrus And Kite", []string{"walrus and kite"}},
	} {
		k.Want(acceptWith(k, k.Invite(user), c.set), 200)
		for _, wrong := range c.wrong {
			if a := logIn(k, user, wrong); a.Status != 401 {
				t.Errorf("%s: %q is taken for %q: %d", user, wrong, c.set, a.Status)
			}
		}
		if a := logIn(k, user, c.set); a.Status != 200 {
			t.Errorf("%s: %q: %d %s", user, c.set, a.Status, a.Code())
		}
	}

	// bcrypt repeats a password with a NUL after it: these are one to it.
	old, err := bcrypt.GenerateFromPassword([]byte("walrus and kite"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := importUsers(k, false, map[string]string{"id": "imported", "password_hash": string(old)}); err != nil {
		t.Fatal(err)
	}
	k.Want(logIn(k, "imported", "walrus and kite\x00walrus and kite"), 401, "code", "login_failed")
	k.Want(logIn(k, "imported", "walrus and kite\x00"), 401, "code", "login_failed")
	k.Want(logIn(k, "imported", "walrus and kite"), 200)
}

// importUsers runs `rolegate user import`.
func importUsers(k *testkit.Kit, dry bool, users ...map[string]string) error {
	k.T.Helper()
	file, err := json.Marshal(map[string]any{"users": users})
	if err != nil {
		k.T.Fatal(err)
	}
	_, err = app.ImportUsers.Run(ctx, k.App, testkit.Operator, app.FileRequest{Tenant: model.DefaultTenant, Text: file, DryRun: dry})
	return err
}

func user(id, hash string) map[string]string {
	return map[string]string{"id": id, "password_hash": hash}
}

// storedHash is what the database has.
func storedHash(k *testkit.Kit, id string) string {
	k.T.Helper()
	u, err := k.App.Store.User(ctx, model.DefaultTenant, id)
	if err != nil {
		k.T.Fatal(err)
	}
	return u.PasswordHash
}

// argon2idOf hashes as somebody else did.
func argon2idOf(password string, memory, passes uint32) string {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", memory, passes, b64(salt),
		b64(argon2.IDKey([]byte(password), salt, passes, memory, 1, 32)))
}

// pbkdf2Of is the key of a thousand rounds under the salt 0123456789abcdef.
func pbkdf2Of(password string) string {
	key, err := pbkdf2.Key(sha256.New, password, []byte("0123456789abcdef"), 1000, 32)
	if err != nil {
		panic(err)
	}
	return base64.RawStdEncoding.EncodeToString(key)
}

const current = "$argon2id$v=19$m=19456,t=2,p=1$"

func oldHashes(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		testkit.RealHashes(k.App)
		blowfish, err := bcrypt.GenerateFromPassword([]byte(testkit.Password), 5)
		if err != nil {
			t.Fatal(err)
		}
		old := map[string]string{
			"ann": string(blowfish),
			"bob": "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$" + pbkdf2Of(testkit.Password),
			"cat": "pbkdf2_sha256$1000$0123456789abcdef$" + pbkdf2Of(testkit.Password) + "=",
			"dan": argon2idOf(testkit.Password, 64, 1),
		}
		for id, hash := range old {
			if err := importUsers(k, false, user(id, hash)); err != nil {
				t.Fatalf("import %s: %v", id, err)
			}
			k.Want(logIn(k, id, testkit.Password+"x"), 401, "code", "login_failed")
			if got := storedHash(k, id); got != hash {
				t.Errorf("%s: a wrong password changed the hash", id)
			}
			k.Want(logIn(k, id, testkit.Password), 200, "status", "enrolment_required")
			now := storedHash(k, id)
			if !strings.HasPrefix(now, current) {
				t.Errorf("%s: after the login the hash is %.40s…", id, now)
			}
			k.Want(logIn(k, id, testkit.Password), 200)
			if storedHash(k, id) != now {
				t.Errorf("%s: a current hash is replaced", id)
			}
		}
	})
}

func hostileHashes(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), testkit.RealHashes)
	good := argon2idOf(testkit.Password, 64, 1)
	blowfish, err := bcrypt.GenerateFromPassword([]byte(testkit.Password), 4)
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]string{
		"4 GiB": strings.Replace(good, "m=64", "m=4194304", 1), "1000 passes": strings.Replace(good, "t=1", "t=1000", 1),
		"bcrypt cost 31":     strings.Replace(string(blowfish), "$04$", "$31$", 1),
		"2^31 PBKDF2 rounds": "$pbkdf2-sha256$i=2147483648$MDEyMzQ1Njc4OWFiY2RlZg$" + pbkdf2Of("x"),
		"plain text":         testkit.Password,
	} {
		id := strings.ReplaceAll(name, " ", "-")
		err := importUsers(k, false, user("good-"+id[:3], good), user("bad", hash))
		if model.CodeOf(err) != model.CodeImportInvalid {
			t.Errorf("%s: import: %v", name, err)
		}
		if _, err := k.App.Store.User(ctx, model.DefaultTenant, "good-"+id[:3]); err == nil {
			t.Errorf("%s: the good half of a bad file was imported", name)
		}
	}
	k.Want(acceptWith(k, k.Invite("ann"), testkit.Password), 200)
	k.Exec(`UPDATE users SET password_hash = replace(password_hash, 'm=19456', 'm=4194304') WHERE id = 'ann'`)
	began := time.Now()
	if a := logIn(k, "ann", testkit.Password); a.Status != 500 || a.Body["access_token"] != nil || a.Body["ticket"] != nil {
		t.Errorf("a hash of 4 GiB in the database: %d %s", a.Status, a.Raw)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// change posts to /v1/me/password.
func change(k *testkit.Kit, access, current, next string) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/me/password", access, map[string]any{"current": current, "new": next})
}

const next = "seventeen walrus kites"

func changeNeedsBoth(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	k.Want(k.Post("/v1/me/password", "", map[string]any{"current": testkit.Password, "new": next}), 401, "code", "unauthorized")
	k.Want(k.Post("/v1/me/password", ann.Access, map[string]any{"new": next}), 400, "code", "invalid_request")
	for _, wrong := range []string{"wrong", testkit.Password + " ", next, strings.Repeat("x", 1024)} {
		k.Want(change(k, ann.Access, wrong, next), 401, "code", "password_wrong")
	}
	k.Want(change(k, ann.Access, testkit.Password, testkit.Password), 422, "code", "password_rejected")
	k.Want(change(k, ann.Access, testkit.Password, "password123"), 422, "code", "password_rejected")

	k.Advance(6 * time.Minute) // the code was entered too long ago
	k.Want(change(k, ann.Access, testkit.Password, next), 401, "code", "insufficient_user_authentication")
	fresh := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": ann.Refresh})
	k.Want(change(k, fresh.Text("access_token"), testkit.Password, next), 401, "code", "insufficient_user_authentication")

	k.Want(logIn(k, "ann", testkit.Password), 200)
	k.Login(ann)
	k.Want(change(k, ann.Access, testkit.Password, next), 200, "status", "ok")
	k.Want(logIn(k, "ann", testkit.Password), 401)
	k.Want(logIn(k, "ann", next), 200)
}

func TestInvitationEndsTheOld(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	k.Want(alive(k, ann.Access), 200)
	a := acceptWith(k, inv.Invite, next)
	k.Want(a, 200, "status", "mfa_required")
	k.Want(alive(k, ann.Access), 200) // whoever has the link has not shown a device of hers
	k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": a.Text("ticket"), "code": k.NextCode(ann)}), 200, "status", "ok")
	k.Want(alive(k, ann.Access), 401)
	k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": ann.Refresh}), 401)
}

func changeEndsTheOld(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		other := k.MustEnrol("ann")
		elsewhere := *other
		here := *other
		k.Login(&here)
		inv, err := app.InviteUser.Run(ctx, k.App, testkit.Operator, app.UserRequest{Tenant: model.DefaultTenant, User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		k.Want(alive(k, elsewhere.Access), 200)
		k.Want(k.PostFrom("203.0.113.7", "/v1/login/totp", map[string]any{"ticket": k.Ticket("ann"), "code": k.NextCode(&here)}, "Rolegate-Device", "new"), 200)
		if knownDevices(k, here.Access) == 0 {
			t.Error("no device is known")
		}
		ticket := k.Ticket("ann")

		a := change(k, here.Access, testkit.Password, next)
		k.Want(a, 200, "status", "ok")
		for name, dead := range map[string]string{"another session's": elsewhere.Access, "the old session's own": here.Access} {
			if a := alive(k, dead); a.Status != 401 {
				t.Errorf("%s access token lives: %d", name, a.Status)
			}
		}
		for name, dead := range map[string]string{"another session's": elsewhere.Refresh, "the old session's own": here.Refresh} {
			if a := k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": dead}); a.Status != 401 {
				t.Errorf("%s refresh token lives: %d", name, a.Status)
			}
		}
		k.Want(k.Post("/v1/login/totp", "", map[string]any{"ticket": ticket, "code": k.NextCode(&here)}), 401, "code", "ticket_invalid")
		k.Want(acceptWith(k, inv.Invite, "another walrus altogether"), 401, "code", "invite_invalid")

		k.Want(alive(k, a.Text("access_token")), 200)
		if n := knownDevices(k, a.Text("access_token")); n != 0 {
			t.Errorf("%d known devices after the change", n)
		}
		before, after := testkit.Claims(t, here.Access), testkit.Claims(t, a.Text("access_token"))
		if before["sid"] == after["sid"] {
			t.Error("the session goes on under its old id")
		}
		for _, claim := range []string{"sub", "acr", "auth_time"} {
			if before[claim] != after[claim] {
				t.Errorf("%s was %v and is %v", claim, before[claim], after[claim])
			}
		}
		k.Want(k.Post("/v1/token/refresh", "", map[string]any{"refresh_token": a.Text("refresh_token")}), 200)
	})
}

func knownDevices(k *testkit.Kit, access string) int {
	k.T.Helper()
	a := k.Call("GET", "/v1/me/known-devices", access, nil)
	k.Want(a, 200)
	return len(a.Body["devices"].([]any))
}

// alive asks something of a person's token that changes nothing.
func alive(k *testkit.Kit, access string) testkit.Answer {
	k.T.Helper()
	return k.Post("/v1/me/password/strength", access, map[string]any{"password": "x"})
}

func noPasswordExpires(t *testing.T) {
	k := testkit.New(t)
	ann := k.MustEnrol("ann")
	k.Advance(10 * 365 * 24 * time.Hour)
	k.Want(logIn(k, "ann", testkit.Password), 200, "status", "mfa_required")
	k.Login(ann)
}

func storedHashes(t *testing.T) {
	k := testkit.StartAltered(t, t.TempDir(), testkit.RealHashes)
	seen := map[string]string{}
	for _, id := range []string{"ann", "bob", "cat"} {
		k.Want(acceptWith(k, k.Invite(id), testkit.Password), 200)
		hash := storedHash(k, id)
		parts := strings.Split(hash, "$")
		var memory, passes, lanes int
		if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
			t.Fatalf("%s: %q", id, hash)
		}
		if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil || memory < 19456 || passes < 2 || lanes != 1 {
			t.Errorf("%s: parameters %s (%v)", id, parts[3], err)
		}
		salt, err := base64.RawStdEncoding.DecodeString(parts[4])
		if err != nil || len(salt) < 16 {
			t.Errorf("%s: salt of %d bytes (%v)", id, len(salt), err)
		}
		if other, twice := seen[parts[4]]; twice {
			t.Errorf("%s and %s have the same salt", id, other)
		}
		seen[parts[4]] = id
	}
}

// searched tells where in logs and data directory one of the texts stands.
func searched(t *testing.T, k *testkit.Kit, texts ...string) {
	t.Helper()
	places := map[string]string{"logs": k.Logs.String()}
	files, err := filepath.Glob(filepath.Join(k.Config.Data, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			places[f] = string(b)
		}
	}
	for place, content := range places {
		for _, text := range texts {
			if strings.Contains(content, text) {
				t.Errorf("%s holds %q", place, text)
			}
		}
	}
}

func currentPassword(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ann, bob := k.MustEnrol("ann"), k.MustEnrol("bob")
		refused := func() {
			t.Helper()
			answers := map[string]testkit.Answer{
				"right": change(k, ann.Access, testkit.Password, next),
				"wrong": change(k, ann.Access, "wrong", next),
			}
			sameAnswers(t, http.StatusTooManyRequests, answers)
			for what, a := range answers {
				if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 20 || a.Code() != "too_many_attempts" {
					t.Errorf("%s: %q after %q seconds", what, a.Code(), a.Header.Get("Retry-After"))
				}
			}
		}
		for range 5 {
			k.Want(change(k, ann.Access, "wrong", next), 401, "code", "password_wrong")
		}
		hashed := k.App.Login.Hasher.Stats().Done
		refused()
		if n := k.App.Login.Hasher.Stats().Done - hashed; n > 0 {
			t.Errorf("%d passwords were hashed for refusals", n)
		}
		k.Advance(5 * time.Second)
		k.Want(change(k, ann.Access, "wrong", next), 401, "code", "password_wrong")
		k.Advance(5 * time.Second)
		refused()     // twice as long
		k.StepUp(ann) // takes the time of a code
		k.Want(change(k, ann.Access, "wrong", next), 401, "code", "password_wrong")
		refused() // another session is the same person

		k.Want(change(k, bob.Access, testkit.Password, next), 200)               // and somebody else is not
		k.Want(logIn(k, "ann", testkit.Password), 200, "status", "mfa_required") // nor is her login

		k.Advance(20 * time.Second)
		k.Want(change(k, ann.Access, testkit.Password, next), 200)
	})
}
