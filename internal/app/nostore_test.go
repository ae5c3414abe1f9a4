package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rolegate/internal/app"
	"rolegate/internal/testkit"
)

// A command on a place without a store says so and makes none, on either database;
// where there is one, it works.
func TestOnlySomeCommandsMakeAStore(t *testing.T) {
	testkit.Directories(t, func(t *testing.T, dir string, settings ...string) {
		cfg, err := app.ReadConfig(append([]string{"ROLEGATE_DATA=" + dir}, settings...))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first made nothing that the second finds
			_, err := app.ListTenants.Do(ctx, cfg, app.None{})
			var missing *app.NoStoreError
			if !errors.As(err, &missing) || missing.Error() == missing.Chinese() {
				t.Fatalf("without a store: %v", err)
			}
			if place := missing.Data; place != dir && cfg.DatabaseURL == "" || place != "" && cfg.DatabaseURL != "" {
				t.Errorf("it names the place %q", place)
			}
		}
		if made, err := filepath.Glob(filepath.Join(dir, "*.db")); err != nil || len(made) > 0 {
			t.Errorf("it made %q, %v", made, err)
		}
		if _, err := app.Migrate.Do(ctx, cfg, app.None{}); err != nil {
			t.Fatal(err)
		}
		if _, err := app.ListTenants.Do(ctx, cfg, app.None{}); err != nil {
			t.Errorf("with a store: %v", err)
		}
		if cfg.DatabaseURL != "" {
			return
		}
		// A copy of the store alone, as after a restore, is a store.
		restored := t.TempDir()
		for _, name := range []string{"rolegate.db", "keys.db", "master.key"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(restored, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Data = restored
		if _, err := app.ListTenants.Do(ctx, cfg, app.None{}); err != nil {
			t.Errorf("with a restored store: %v", err)
		}
	})
}
