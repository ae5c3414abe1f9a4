package app

import (
	"context"
	"errors"
	"time"

	"rolegate/internal/audit/selfverify"
	"rolegate/internal/server"
	"rolegate/internal/store"
	"rolegate/model"
)

// verifyWait bounds one operation of a verification that a running service does;
// whoever waits for it asks again.
const verifyWait = 20 * time.Second

// VerifyLog verifies the log of the store as it is now. Where a service runs, it does
// so beside its other work, and the answer may be that it still does.
var VerifyLog = Operation[None, selfverify.Answer]{"audit-verify", func(ctx context.Context, a *App, caller model.Caller, _ None) (selfverify.Answer, error) {
	return a.verifier.Ask(ctx, caller, verifyWait)
}}

// Acceptance is why what a verification finds is no alarm any more.
type Acceptance struct {
	selfverify.Acceptance
	Reason string
}

// AcceptLog records that somebody answers for findings.
var AcceptLog = Operation[Acceptance, None]{"audit-accept", func(ctx context.Context, a *App, caller model.Caller, r Acceptance) (None, error) {
	return None{}, a.verifier.Accept(ctx, caller, r.Acceptance, r.Reason, func(ctx context.Context, accepted []byte) error {
		return a.Keystore.SetMeta(ctx, acceptedName, accepted)
	})
}}

// acceptedName is the row of the keystore's meta with the findings that are accepted.
const acceptedName = "log_findings_accepted"

func (a *App) acceptedFindings(ctx context.Context) ([]byte, error) {
	accepted, err := a.Keystore.MetaValue(ctx, acceptedName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return accepted, err
}

// logKey is the key of the log's checkpoints.
func (a *App) logKey(ctx context.Context) (string, error) {
	k, err := a.Checkpoints.Key(ctx)
	if err != nil {
		return "", err
	}
	return k.VKey, nil
}

// verified is what readiness shows of the log.
func (a *App) verified() server.Verified {
	s := a.verifier.State()
	v := server.Verified{Status: "ok", At: s.At, Entries: s.Size, GoodAt: s.GoodAt, Findings: s.Findings}
	switch {
	case s.At.IsZero():
		v.Status = "never"
	case s.Failed:
		v.Status = "failed"
	}
	return v
}
