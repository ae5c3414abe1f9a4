package login

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"rolegate/internal/password"
)

// standIns are hashes of a tenant, one of which is verified in place of the hash
// that a user name has not got. With the hasher's own, a name that nobody has
// would cost another time than those whose hashes were imported, or made with
// other parameters, and tell them apart. Which one it is depends on the name, so
// asking twice is no help; and as people log in and their hashes are upgraded,
// made-up names are upgraded with them.
//
// What is left: the first thousand users of a tenant speak for all. Nothing is
// ever accepted by a stand-in.
type standIns struct {
	mu      sync.Mutex
	tenants map[string]standInsOf
}

type standInsOf struct {
	hashes []string
	until  time.Time
}

const (
	standInSample  = 1000 // users of a tenant that are looked at
	standInsFor    = 5 * time.Minute
	standInTenants = 1000 // tenants remembered at once
)

// standIn is the hash to verify: the one that is stored, or where there is none
// the one that stands in for the user name; "" means the hasher's own. The same
// is looked up either way.
func (s *Service) standIn(ctx context.Context, tenant, stored, username string) (string, error) {
	hashes, err := s.standInsOf(ctx, tenant)
	if err != nil || stored != "" || len(hashes) == 0 {
		return stored, err
	}
	key, err := UsernameKey(username)
	if err != nil {
		key = username // nobody's, in one spelling
	}
	mac := s.KEK.MAC("stand-in", []byte(tenant), []byte(key))
	return hashes[binary.BigEndian.Uint64(mac)%uint64(len(hashes))], nil
}

func (s *Service) standInsOf(ctx context.Context, tenant string) ([]string, error) {
	in := &s.standIns
	now := s.Now()
	in.mu.Lock()
	of, there := in.tenants[tenant]
	in.mu.Unlock()
	if there && now.Before(of.until) {
		return of.hashes, nil
	}
	users, err := s.Store.ListUsers(ctx, tenant, "", standInSample)
	if err != nil {
		return nil, err
	}
	of = standInsOf{until: now.Add(standInsFor)}
	for _, u := range users {
		if password.Importable(u.PasswordHash) == nil { // neither none nor a damaged one
			of.hashes = append(of.hashes, u.PasswordHash)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.tenants == nil || len(in.tenants) >= standInTenants {
		in.tenants = map[string]standInsOf{}
	}
	in.tenants[tenant] = of
	return of.hashes, nil
}
