package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/audit/audittest"
	"rolegate/internal/store"
	"rolegate/internal/testkit"
	"rolegate/model"
)

func keks(t *testing.T, k *testkit.Kit) []app.KEKInfo {
	t.Helper()
	l, err := app.ListKeys.Run(context.Background(), k.App, testkit.Operator, app.None{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Encryption
}

// A key seals only when every replica has it in its file, and then all seal with it.
func TestKeyReachesEveryReplicaFirst(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	ctx := t.Context()
	file := func(k *testkit.Kit) string { return filepath.Join(k.Config.Data, "master.key") }
	_, err := app.RotateKEK.Run(ctx, ks[0].App, testkit.Operator, app.None{})
	host, _ := os.Hostname()
	if model.CodeOf(err) != model.CodeConflict || !strings.Contains(err.Error(), host) {
		t.Fatalf("while the second has it not: %v", err)
	}
	added := keks(t, ks[0])[1]
	if added.State != app.KEKUnused || len(added.MissingAt) != 1 {
		t.Errorf("the new key is %+v", added)
	}
	text, err := os.ReadFile(file(ks[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file(ks[1]), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ks[1].App.KeepKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := app.UseKEK.Run(ctx, ks[0].App, testkit.Operator, app.KeyRequest{ID: added.ID}); err != nil {
		t.Fatal(err)
	}
	ks[0].MustEnrol("alice")
	alice := ks[1].MustEnrol("bob") // reads the new key's values before it was told, as it has the key
	if err := ks[1].App.KeepKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if id := ks[1].App.Login.KEK.String(); !strings.Contains(id, added.ID) {
		t.Errorf("the second seals with %s, not %s", id, added.ID)
	}
	ks[0].Login(alice)

	// Somebody puts the old file back: that replica takes itself out, and says why.
	lines := strings.SplitAfter(string(text), "\n")
	ks[1].Stop()
	if err := os.WriteFile(file(ks[1]), []byte(lines[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = app.Open(ctx, ks[1].Config, ks[1].App.Logger)
	if model.CodeOf(err) != model.CodeKeyWrong {
		t.Errorf("a start with the old file: %v", err)
	}
}

// Right after the change its only process is not named as one that has it not.
func TestOneProcessHasItsNewKey(t *testing.T) {
	k := testkit.New(t)
	if _, err := app.RotateKEK.Run(t.Context(), k.App, testkit.Operator, app.None{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range keks(t, k) {
		if len(key.MissingAt) != 0 || !key.InFile {
			t.Errorf("%+v", key)
		}
	}
}

// A replica that was cut off while the key changed is not ready.
func TestReplicaWithoutTheKeyIsNotReady(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	ctx := t.Context()
	if err := ks[1].App.Store.LeaveKeys(ctx, "", time.Now().Add(time.Hour)); err != nil { // nobody has heard of it
		t.Fatal(err)
	}
	if _, err := app.RotateKEK.Run(ctx, ks[0].App, testkit.Operator, app.None{}); err != nil {
		t.Fatal(err)
	}
	if err := ks[1].App.KeepKeys(ctx); model.CodeOf(err) != model.CodeKeyMissing {
		t.Errorf("KeepKeys: %v", err)
	}
	if err := ks[1].App.Ready(ctx); model.CodeOf(err) != model.CodeKeyMissing {
		t.Errorf("Ready: %v", err)
	}
	if err := ks[0].App.Ready(ctx); err != nil {
		t.Errorf("Ready of the other: %v", err)
	}
}

// A replica that has not got the key that seals goes on with the one before: as long as
// it lives, that one stays.
func TestKeyOfACutOffReplicaStays(t *testing.T) {
	ks := testkit.StartReplicas(t, 2)
	ctx := t.Context()
	if err := ks[1].App.Store.LeaveKeys(ctx, "", time.Now().Add(time.Hour)); err != nil { // nobody has heard of it
		t.Fatal(err)
	}
	old := keks(t, ks[0])[0]
	if _, err := app.RotateKEK.Run(ctx, ks[0].App, testkit.Operator, app.None{}); err != nil {
		t.Fatal(err)
	}
	ks[0].Advance(11 * time.Minute)
	if err := ks[1].App.KeepKeys(ctx); model.CodeOf(err) != model.CodeKeyMissing { // and says what it has
		t.Errorf("KeepKeys: %v", err)
	}
	drop := func() error {
		if _, err := app.Reseal.Run(ctx, ks[0].App, testkit.Operator, app.None{}); err != nil {
			t.Fatal(err)
		}
		_, err := app.DropKEK.Run(ctx, ks[0].App, testkit.Operator, app.KeyRequest{ID: old.ID})
		return err
	}
	file := func(k *testkit.Kit) string { return filepath.Join(k.Config.Data, "master.key") }
	before, err := os.ReadFile(file(ks[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := drop(); model.CodeOf(err) != model.CodeConflict {
		t.Errorf("dropped while a replica seals under it: %v", err)
	}
	if now, err := os.ReadFile(file(ks[0])); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the key left the file (%v)", err)
	}
	if err := os.WriteFile(file(ks[1]), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ks[1].App.KeepKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if err := drop(); err != nil {
		t.Errorf("once it has the key: %v", err)
	}
}

// breaking is a store that fails after so many transactions of resealing; a negative
// number of them is whole.
type breaking struct {
	store.Store
	left atomic.Int64
}

var errBroken = errors.New("the process ends here")

func (b *breaking) Reseal(ctx context.Context, column store.SealedColumn, was []store.SealedValue, sealed [][]byte) (int, error) {
	switch left := b.left.Load(); {
	case left == 0:
		return 0, errBroken
	case left > 0:
		b.left.Add(-1)
	}
	return b.Store.Reseal(ctx, column, was, sealed)
}

// Wherever the change of a key is cut off, the next start goes on from there.
func TestKeyChangeIsCutOff(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, k *testkit.Kit) {
		ctx := context.Background()
		settings := []string{"ROLEGATE_DATABASE_URL=" + k.Config.DatabaseURL, "ROLEGATE_KEYSTORE_URL=" + k.Config.KeystoreURL}
		alice := k.MustEnrol("alice")
		passed := time.Duration(0)
		var of *breaking // the service that runs
		again := func(when string) {
			t.Helper()
			k.Stop()
			k = testkit.StartAltered(t, k.Config.Data, func(a *app.App) {
				of = &breaking{Store: a.Store}
				of.left.Store(-1)
				a.Store = of
			}, settings...)
			passed += time.Hour
			k.Advance(passed)
			k.T = t
			k.Login(alice)
			k.MustEnrol(when)
		}
		old := keks(t, k)[0]
		if _, err := app.AddKEK.Run(ctx, k.App, testkit.Operator, app.None{}); err != nil {
			t.Fatal(err)
		}
		again("after-add")
		added, err := app.AddKEK.Run(ctx, k.App, testkit.Operator, app.None{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.UseKEK.Run(ctx, k.App, testkit.Operator, app.KeyRequest{ID: added.ID}); err != nil {
			t.Fatal(err)
		}
		again("after-use")
		for left := range 3 {
			of.left.Store(int64(left))
			_, err := app.Reseal.Run(ctx, k.App, testkit.Operator, app.None{})
			if !errors.Is(err, errBroken) && left == 0 {
				t.Fatalf("resealing: %v", err)
			}
			again("after-reseal-" + string(rune('a'+left)))
		}
		if res, err := app.Reseal.Run(ctx, k.App, testkit.Operator, app.None{}); err != nil || res.Failed > 0 {
			t.Fatalf("resealing: %+v, %v", res, err)
		}
		file := filepath.Join(k.Config.Data, "master.key")
		both, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // dropped in the store, and cut off before the file changed
			if _, err := app.DropKEK.Run(ctx, k.App, testkit.Operator, app.KeyRequest{ID: old.ID}); err != nil {
				t.Fatal(err)
			}
			if now, err := os.ReadFile(file); err != nil || strings.Count(string(now), "\n") != 1 {
				t.Errorf("the old key is in the file still (%v)", err)
			}
			if err := os.WriteFile(file, both, 0o600); err != nil {
				t.Fatal(err)
			}
			again("after-drop-" + string(rune('a'+int(passed/time.Hour)%26)))
		}
		if dropped := audittest.Count(t, k.App.Store, audit.KEKDropped); dropped != 1 {
			t.Errorf("%d entries say that the key was dropped, want 1", dropped)
		}
	})
}

// What a command on the host shows is in the log with how many, also where it is two
// lists.
func TestShownIsCounted(t *testing.T) {
	k := testkit.New(t)
	k.ClientToken("crm")
	k.ClientToken("erp")
	shown := func(show func() (int, error)) {
		t.Helper()
		var n int
		leaves := k.Recorded(func() {
			var err error
			if n, err = show(); err != nil {
				t.Fatal(err)
			}
		})
		if len(leaves) != 1 || leaves[0].Count != int64(n) {
			t.Errorf("%d are shown, and the log says %+v", n, leaves)
		}
	}
	shown(func() (int, error) {
		l, err := app.ListKeys.Run(t.Context(), k.App, testkit.Operator, app.None{})
		return len(l.Signing) + len(l.Encryption), err
	})
	shown(func() (int, error) {
		l, err := app.ListClients.Run(t.Context(), k.App, testkit.Operator, app.None{})
		return len(l), err
	})
}
