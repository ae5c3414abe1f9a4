package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"rolegate/internal/keyring"
	"rolegate/internal/testkit/pgtest"
)

// Replicas are the settings of several Rolegates on one PostgreSQL: what they
// share, and a data directory for each.
type Replicas struct {
	Settings []string
	Dirs     []string
}

// NewReplicas makes n data directories with the same key file, over fresh
// databases for store and keystore, or over the main one at a URL.
func NewReplicas(t testing.TB, n int, url string) Replicas {
	t.Helper()
	if url == "" {
		url = pgtest.URL(t)
	}
	r := Replicas{Settings: []string{"ROLEGATE_DATABASE_URL=" + url, "ROLEGATE_KEYSTORE_URL=" + pgtest.URL(t)}}
	var key []byte
	for range n {
		dir := t.TempDir()
		file := filepath.Join(dir, "master.key")
		if key == nil {
			if _, err := keyring.CreateFile(file); err != nil {
				t.Fatal(err)
			}
			var err error
			if key, err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(file, key, 0o600); err != nil {
			t.Fatal(err)
		}
		r.Dirs = append(r.Dirs, dir)
	}
	return r
}

// StartReplicas starts n services in this process on one PostgreSQL, by one clock.
func StartReplicas(t testing.TB, n int, settings ...string) []*Kit {
	t.Helper()
	return StartReplicasOn(t, n, "", settings...)
}

// StartReplicasOn is StartReplicas over the main database at a URL.
func StartReplicasOn(t testing.TB, n int, url string, settings ...string) []*Kit {
	t.Helper()
	r := NewReplicas(t, n, url)
	var kits []*Kit
	same := new(clock)
	for _, dir := range r.Dirs {
		kits = append(kits, start(t, dir, same, nil, append(r.Settings, settings...)))
	}
	return kits
}
