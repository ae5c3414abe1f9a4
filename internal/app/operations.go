package app

import (
	"context"

	"rolegate/model"
)

// operations is every operation the local socket serves.
var operations = []served{
	Init, AddTenant, ListTenants, SetTenant,
	AddUser, InviteUser, ListUsers, SetUserDisabled, EndSessions, UnlockUser, ImportUsers,
	PutRole, DeleteRole, ListRoles, Assign, Unassign,
	AddClient, ListClients, SetClientDisabled, RotateClient,
	SearchLog, ShowEntry,
	ImportDirectory, ImportPolicy, ExportPolicy, ExplainPolicy, Migrate,
	TestPolicy, ListRevisions, ExportRevision, RollBackPolicy, LookBack, ListDrafts, PublishDraft,
	ListKeys, RotateKey, RevokeKey, AddKEK, UseKEK, DropKEK, Reseal, RotateKEK, Restored,
	VerifyLog, AcceptLog,
	LogKey, CheckpointLog, ResumeLog,
}

// None is the request of an operation that needs none.
type None struct{}

// Change is the result of a write: the tenant's revision it became, which a
// caller may demand of a decision as min_revision. 0 where it concerns no tenant.
type Change struct {
	Revision int64 `json:"revision"`
}

func changed(revision int64, err error) (Change, error) { return Change{revision}, err }

// Schema says which database is open; opening it has migrated it.
type Schema struct {
	Database string `json:"database"`
	Version  int64  `json:"version"`
}

// Migrate brings the database up to date, which opening it has done.
var Migrate = Operation[None, Schema]{"migrate", func(ctx context.Context, a *App, _ model.Caller, _ None) (Schema, error) {
	return a.schema(ctx)
}}
