package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/keyring"
	"rolegate/internal/store"
	"rolegate/model"
)

// Killed at any moment of changing the key-encryption key, a store opens again,
// and the change can be finished with nothing lost.
func TestKillWhileTheKeyChanges(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	cfg, err := app.ReadConfig([]string{"ROLEGATE_DATA=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	open := func() *app.App {
		t.Helper()
		a, err := app.Open(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	place := func(index []byte) keyring.Place {
		return keyring.Place{Table: "person_keys", Row: hex.EncodeToString(index), Column: "wrapped"}
	}
	a := open()
	var rows []store.PersonKey
	for range 5000 {
		index, ref := make([]byte, 32), make([]byte, 16)
		rand.Read(index)
		rand.Read(ref)
		wrapped, err := a.Login.KEK.Seal(index, place(index)) // so it is known what is to come out
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, store.PersonKey{Index: index, Ref: ref, Wrapped: wrapped, CreatedAt: time.Now()})
	}
	if err := a.Keystore.InsertPersonKeys(ctx, rows); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	killed := 0
	for range 6 {
		cmd := exec.Command("rolegate", "keys", "rotate", "--kek")
		cmd.Env = append(cleanEnviron(), "ROLEGATE_DATA="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(100+mathrand.IntN(1200))*time.Millisecond, func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		if err := open().Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("killed %d times of 6", killed)

	res, err := app.Reseal.Do(ctx, cfg, app.None{})
	if err != nil || res.Failed > 0 {
		t.Fatalf("resealing in the end: %+v, %v", res, err)
	}
	a = open()
	defer a.Close()
	for _, r := range rows {
		now, err := a.Keystore.PersonKey(ctx, r.Index)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := a.Login.KEK.Open(now.Wrapped, place(r.Index))
		if err != nil || string(plain) != string(r.Index) {
			t.Fatalf("a value is lost: %v", err)
		}
	}
	keys, err := app.ListKeys.Run(ctx, a, model.Caller{Kind: model.CallerOperator, ID: "0@test"}, app.None{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Encryption {
		if k.State != app.KEKSealing && k.Values > 0 {
			t.Errorf("%d values are under %s, which is %s", k.Values, k.ID, k.State)
		}
	}
}
