package selfverify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
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

// Acceptance is what somebody answers for: findings, and the log as far as they say of
// it that it cannot be verified.
type Acceptance struct {
	Findings []byte            `json:"findings"` // their Digest
	Log      []verify.Accepted `json:"log,omitempty"`
}

// AcceptanceOf is that for what a report has found.
func AcceptanceOf(r verify.Report) Acceptance { return Acceptance{Digest(r), r.Answer()} }

// acceptance is the one that is kept; none of anything else that may be kept there.
func (v *Verifier) acceptance(ctx context.Context) (a Acceptance, err error) {
	if v.Accepted == nil {
		return a, nil
	}
	kept, err := v.Accepted(ctx)
	if err != nil || json.Unmarshal(kept, &a) != nil {
		return Acceptance{}, err
	}
	return a, nil
}

// accepted tells whether somebody has answered for what was found. Nobody can for
// what was not read: behind the fault that ended it anything may be altered.
func (v *Verifier) accepted(ctx context.Context, r verify.Report) (bool, error) {
	a, err := v.acceptance(ctx)
	return err == nil && !r.Partial && len(r.Answered) == len(a.Log) && bytes.Equal(a.Findings, Digest(r)), err
}

// Accept records that somebody answers for findings, and why; keep then keeps what
// Options.Accepted gives, apart from the log's database. The alarm ends with the next
// pass that finds these and nothing else. No reason is CodeReasonRequired.
func (v *Verifier) Accept(ctx context.Context, caller model.Caller, a Acceptance, reason string, keep func(context.Context, []byte) error) error {
	if reason == "" {
		return model.Errorf(model.CodeReasonRequired, "say why the log is as it is; it is recorded")
	}
	kept, err := json.Marshal(a)
	if err != nil {
		return err
	}
	err = v.Log.Append(ctx, audit.Entry{Class: audit.ClassBreakGlass, Activity: audit.LogAccepted, Outcome: audit.OutcomeOK, Object: "log",
		Caller: caller, Personal: map[string]any{"reason": reason, "findings": fmt.Sprintf("%x", a.Findings)}})
	if err != nil {
		return err
	}
	return keep(ctx, kept)
}
