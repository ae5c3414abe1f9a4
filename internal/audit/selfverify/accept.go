package selfverify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"rolegate/internal/audit"
	"rolegate/internal/audit/verify"
	"rolegate/model"
)

// Digest stands for the findings of a report: for all of these, also those that are not
// listed, and no others. Where in a log that grows a finding ends is not part of it.
func Digest(r verify.Report) []byte {
	sum := sha256.Sum256(r.Sum)
	return sum[:]
}

// accepted tells whether somebody has answered for what was found. Nobody can for
// what was not read: behind the fault that ended it anything may be altered.
func (v *Verifier) accepted(ctx context.Context, r verify.Report) (bool, error) {
	if v.Accepted == nil || r.Partial {
		return false, nil
	}
	digest, err := v.Accepted(ctx)
	return err == nil && bytes.Equal(digest, Digest(r)), err
}

// Accept records that somebody answers for findings, by their Digest, and why; keep
// then keeps the digest apart from the log's database. The alarm ends with the next
// pass that finds these and nothing else. No reason is CodeReasonRequired.
func (v *Verifier) Accept(ctx context.Context, caller model.Caller, digest []byte, reason string, keep func(context.Context, []byte) error) error {
	if reason == "" {
		return model.Errorf(model.CodeReasonRequired, "say why the log is as it is; it is recorded")
	}
	err := v.Log.Append(ctx, audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogAccepted, Outcome: audit.OutcomeOK, Object: "log",
		Caller: caller, Personal: map[string]any{"reason": reason, "findings": fmt.Sprintf("%x", digest)}})
	if err != nil {
		return err
	}
	return keep(ctx, digest)
}
