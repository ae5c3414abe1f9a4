package store

import (
	"context"

	"rolegate/model"
)

// Key is the key of an entry of the directory within its tenant and kind: type
// and id, member and role, or an id alone, the second then empty.
type Key [2]string

// Provisioning is the directory entry by entry. Lists page by key: up to limit
// entries behind after, in the order of their keys, which need not be there.
type Provisioning interface {
	Team(ctx context.Context, tenant, id string) (model.Team, error)
	Unit(ctx context.Context, tenant, id string) (model.Unit, error)
	Territory(ctx context.Context, tenant, id string) (model.Territory, error)

	// The deletions leave what refers to the entry as it is.
	DeleteSubject(ctx context.Context, tenant, typ, id string) (bool, error)
	DeleteTeam(ctx context.Context, tenant, id string) (bool, error)
	DeleteUnit(ctx context.Context, tenant, id string) (bool, error)
	DeleteTerritory(ctx context.Context, tenant, id string) (bool, error)
	DeleteResource(ctx context.Context, tenant, typ, id string) (bool, error)
	// DeleteAssignments takes all of a member's roles away and counts them.
	DeleteAssignments(ctx context.Context, tenant, member string) (int, error)

	// PageSubjects and PageResources are of one type, or of all where it is "".
	PageSubjects(ctx context.Context, tenant, typ string, after Key, limit int) ([]model.Subject, error)
	PageTeams(ctx context.Context, tenant string, after Key, limit int) ([]model.Team, error)
	PageUnits(ctx context.Context, tenant string, after Key, limit int) ([]model.Unit, error)
	PageTerritories(ctx context.Context, tenant string, after Key, limit int) ([]model.Territory, error)
	PageRoles(ctx context.Context, tenant string, after Key, limit int) ([]model.Role, error)
	PageResources(ctx context.Context, tenant, typ string, after Key, limit int) ([]model.Resource, error)
	// PageAssignments is of one member, of one role, or of both; "" means any.
	PageAssignments(ctx context.Context, tenant, member, role string, after Key, limit int) ([]model.Assignment, error)
}
