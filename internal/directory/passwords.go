package directory

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"rolegate/internal/audit"
	"rolegate/internal/password"
	"rolegate/internal/store"
	"rolegate/model"
)

// PasswordEntry is a user of a system that is left behind, as a file brings it.
type PasswordEntry struct {
	ID           string `json:"id"`            // becomes `sub`; immutable
	Username     string `json:"username"`      // "" takes the id
	PasswordHash string `json:"password_hash"` // of a form password.Importable knows
}

// ImportedUsers says what an import of users did, or with a dry run would have done.
type ImportedUsers struct {
	Users    int   `json:"users"`
	DryRun   bool  `json:"dry_run"`
	Revision int64 `json:"revision"` // the tenant's, with the users in it
}

// maxPasswordEntries is how many users one file may bring: each has an entry of
// its own in the log.
const maxPasswordEntries = 10_000

// ImportUsers makes users who log in with the password they have elsewhere. It
// is for a migration, and on the host alone: all or nothing, with every bad entry
// named. Nobody who has a password here gets another by it, so it sets none over
// the head of anyone; a subject that was imported becomes able to log in.
//
// Where the tenant has administrators it is break-glass: whoever wrote the file
// knows, or may know, the passwords behind its hashes.
func (s *Service) ImportUsers(ctx context.Context, caller model.Caller, tenant string, file []byte, dryRun bool, reason string) (ImportedUsers, error) {
	if most := s.Limits.Policy; int64(len(file)) > most {
		return ImportedUsers{}, model.Exceeded(model.SettingPolicy, most, "the file has %d bytes", len(file))
	}
	users, bad, err := s.parseUsers(file)
	if err != nil {
		return ImportedUsers{}, err
	}
	res := ImportedUsers{Users: len(users), DryRun: dryRun}
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		bad := bad.clone()
		var changes []store.Change
		for _, u := range users {
			changes = append(changes, subjectChange("user:"+u.v.ID))
		}
		revision, err := Take(ctx, tx, tenant, changes...)
		if err != nil {
			return err
		}
		res.Revision = revision
		class, err := BreakGlass(ctx, tx, tenant, reason)
		if err != nil {
			return err
		}
		for _, u := range users {
			err := s.importUser(ctx, tx, tenant, u.v)
			if model.CodeOf(err) == model.CodeConflict {
				bad.add(model.Detail{Path: place("users", u.i), Code: model.CodeConflict, Reason: model.PhraseOf(err)})
				continue
			}
			if err != nil {
				return err
			}
			e := act(caller, tenant, audit.UserImported, reason, map[string]any{"username": u.v.Username})
			e.Class, e.Person = class, "user:"+u.v.ID
			if err := s.Log.AppendIn(ctx, tx, e); err != nil {
				return err
			}
		}
		if len(bad.list) > 0 {
			return bad.err()
		}
		if dryRun {
			res.Revision = revision - 1
			return errNothing
		}
		return nil
	})
	if err == errNothing {
		e := act(caller, tenant, audit.UserImported, reason, map[string]any{"dry_run": true})
		e.Count = int64(res.Users)
		err = s.Log.Append(ctx, e)
	}
	if err != nil {
		return ImportedUsers{}, err
	}
	return res, nil
}

// importUser makes the user, or gives a password to one who never had any. An
// invitation that waits ends: there is a password now.
func (s *Service) importUser(ctx context.Context, tx store.Tx, tenant string, n model.User) error {
	there, err := tx.User(ctx, tenant, n.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		n.Tenant, n.CreatedAt = tenant, s.Now()
		if err := tx.InsertUser(ctx, n); err != nil {
			return exists(err, "somebody else has the user name %q", n.Username)
		}
		return ensureSubject(ctx, tx, tenant, n.ID)
	case err != nil:
		return err
	case there.PasswordHash != "":
		return model.Errorf(model.CodeConflict, "%q has a password here already", n.ID)
	case there.UsernameKey != n.UsernameKey:
		return model.Errorf(model.CodeConflict, "%q is there under the user name %q", n.ID, there.Username)
	}
	if set, err := tx.SetPassword(ctx, tenant, n.ID, "", n.PasswordHash); err != nil || !set {
		return errors.Join(err, exists(store.ErrExists, "%q has a password here already", n.ID))
	}
	return tx.EndInvites(ctx, tenant, n.ID, s.Now())
}

// parseUsers reads a file strictly: {"users": [{"id", "username", "password_hash"}]}.
func (s *Service) parseUsers(file []byte) (users []numbered[model.User], bad badEntries, err error) {
	take := reader(&bad, s.Limits, "users", &users, s.cleanUser, func(u model.User) string { return u.ID })
	names := map[string]int{}
	entries := 0
	one := list{"users", func(i int, entry jsontext.Value) {
		entries++
		n := len(users)
		take(i, entry)
		if len(users) == n {
			return
		}
		key := users[n].v.UsernameKey
		if j, twice := names[key]; twice {
			bad.add(model.Detail{Path: place("users", i), Code: model.CodeConflict, Reason: model.Say("the user name is already in %s", place("users", j))})
			users = users[:n]
			return
		}
		names[key] = i
	}}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if err := checkNesting(file, s.Limits.Nesting); err != nil {
		return nil, bad, err
	}
	if err := readLists(jsontext.NewDecoder(bytes.NewBuffer(file)), []list{one}, &bad); err != nil {
		if model.CodeOf(err) != model.CodeInternal {
			return nil, badEntries{}, err
		}
		return nil, badEntries{}, importInvalid([]model.Detail{complain("", file, err)})
	}
	if entries > maxPasswordEntries {
		return nil, bad, model.Errorf(model.CodeLimitExceeded, "the file has more than %d users; split it", maxPasswordEntries)
	}
	return users, bad, nil
}

func (s *Service) cleanUser(e PasswordEntry, _ model.Limits) (model.User, error) {
	u := model.User{ID: bareUser(e.ID), Username: e.Username, PasswordHash: e.PasswordHash}
	if err := CheckUser(u.ID); err != nil {
		return u, err
	}
	if u.Username == "" {
		u.Username = u.ID
	}
	var err error
	if u.UsernameKey, err = s.UsernameKey(u.Username); err != nil {
		return u, err
	}
	if err := password.Importable(e.PasswordHash); err != nil {
		return u, model.Errorf(model.CodeInvalidRequest, "password_hash: %v", err)
	}
	return u, nil
}
