package app

import (
	"context"
	"errors"

	"rolegate/internal/audit/checkpoint"
	"rolegate/model"
)

// LogName is how those who verify the log know it.
type LogName struct {
	Origin string `json:"origin"` // the first line of its checkpoints
	VKey   string `json:"vkey"`   // public half of the key that signs them (C2SP signed-note)
}

// LogKey tells the log's name and key, which is made where there is none yet.
var LogKey = Operation[None, LogName]{"log-key", func(ctx context.Context, a *App, _ model.Caller, _ None) (LogName, error) {
	k, err := a.Checkpoints.Key(ctx)
	if err != nil {
		return LogName{}, err
	}
	return LogName{k.Origin(), k.VKey}, nil
}}

// LogCheckpoint is a checkpoint as it is printed.
type LogCheckpoint struct {
	Size int64  `json:"size"` // entries
	Root []byte `json:"root"`
	Note string `json:"note"` // signed
}

// CheckpointLog makes a checkpoint of all that is committed, unless there is one,
// and answers with it.
var CheckpointLog = Operation[None, LogCheckpoint]{"log-checkpoint", func(ctx context.Context, a *App, _ model.Caller, _ None) (LogCheckpoint, error) {
	c, err := a.Checkpoints.Publish(ctx)
	if err != nil {
		return LogCheckpoint{}, refused(err)
	}
	if c.Size == 0 {
		return LogCheckpoint{}, model.Errorf(model.CodeNotFound, "the log has no entries yet")
	}
	return LogCheckpoint{c.Size, c.Root, string(c.Note)}, nil
}}

// refused gives the refusal of a checkpoint its code.
func refused(err error) error {
	var r *checkpoint.Refusal
	if !errors.As(err, &r) {
		return err
	}
	return model.Errorf(model.CodeLogAltered, "%v; see \"Checkpoints\" in docs/operations.md", r).Because(err)
}

// ResumeRequest says why checkpoints are made again.
type ResumeRequest struct {
	Reason string
}

// ResumeLog has checkpoints made again after the log was found to be another one
// than was published, and makes the first. Of a log that does not agree with itself
// there is none: the act is recorded, and checkpoints have stopped again.
var ResumeLog = Operation[ResumeRequest, None]{"log-resume", func(ctx context.Context, a *App, caller model.Caller, r ResumeRequest) (None, error) {
	if err := a.Checkpoints.Resume(ctx, caller, r.Reason); err != nil {
		return None{}, err
	}
	_, err := a.Checkpoints.Publish(ctx)
	return None{}, refused(err)
}}
