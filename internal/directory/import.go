package directory

import (
	"context"
	"fmt"
	"slices"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// ImportResult says what an import did, or with a dry run would have done.
type ImportResult struct {
	Subjects    int   `json:"subjects"`
	Teams       int   `json:"teams"`
	Units       int   `json:"units"`
	Territories int   `json:"territories"`
	Roles       int   `json:"roles"`
	Assignments int   `json:"assignments"`
	Resources   int   `json:"resources"`
	DryRun      bool  `json:"dry_run"`
	Revision    int64 `json:"revision"` // 0 in a dry run
}

// Import reads a directory file (docs/operations.md has its form) and applies
// it: all or nothing, and twice is the same as once. Every bad entry is named.
// References to managers, units, parents, heads and teams may dangle, since
// files are split as their owners like; members and roles of assignments may not.
func (s *Service) Import(ctx context.Context, caller model.Caller, tenant string, file []byte, dryRun bool, reason string) (ImportResult, error) {
	if most := s.Limits.Policy; int64(len(file)) > most {
		return ImportResult{}, model.Exceeded(model.SettingPolicy, most, "the file has %d bytes", len(file))
	}
	in, bad, err := parseImport(file, s.Limits.Nesting)
	if err != nil {
		return ImportResult{}, err
	}
	res := in.counts()
	res.DryRun = dryRun
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		revision, err := Take(ctx, tx, tenant, in.changes()...)
		if err != nil {
			return err
		}
		there, err := tx.LoadDirectory(ctx, tenant)
		if err != nil {
			return err
		}
		if bad := append(slices.Clone(bad), in.check(there)...); len(bad) > 0 {
			return importInvalid(bad)
		}
		class, err := s.write(ctx, tx, tenant, in, dryRun, reason)
		if err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		res.Revision = revision
		e := act(caller, tenant, audit.DirectoryImport, reason, map[string]any{"counts": res})
		e.Class, e.Revision = class, res.Revision
		return s.Log.AppendIn(ctx, tx, e)
	})
	if err == errDryRun {
		return res, nil
	}
	return res, err
}

// errDryRun rolls the transaction of a dry run back.
var errDryRun = fmt.Errorf("dry run")

func (s *Service) write(ctx context.Context, tx store.Tx, tenant string, in importFile, dryRun bool, reason string) (class audit.Class, err error) {
	class = audit.ClassAdmin
	for _, e := range in.Roles {
		if err := tx.EnsureRole(ctx, tenant, e.v); err != nil {
			return class, err
		}
	}
	if !dryRun { // which needs the rules of assignments only, and holds the database no longer
		if err := s.writeRecords(ctx, tx, tenant, in); err != nil {
			return class, err
		}
	}
	counted := new(inherited)
	for _, e := range in.Assignments {
		c, err := s.assign(ctx, tx, tenant, e.v, reason, counted)
		if err != nil {
			return class, at(fmt.Sprintf("assignments[%d]", e.i), err)
		}
		if c == audit.ClassBreakGlass {
			class = c
		}
	}
	return class, nil
}

// writeRecords puts everything that needs no rule but to be well formed.
func (s *Service) writeRecords(ctx context.Context, tx store.Directory, tenant string, in importFile) error {
	for _, e := range in.Teams {
		if err := tx.PutTeam(ctx, tenant, e.v); err != nil {
			return err
		}
	}
	for _, e := range in.Units {
		if err := tx.PutUnit(ctx, tenant, e.v); err != nil {
			return err
		}
	}
	for _, e := range in.Territories {
		if err := tx.PutTerritory(ctx, tenant, e.v); err != nil {
			return err
		}
	}
	for _, e := range in.Subjects {
		if err := tx.PutSubject(ctx, tenant, e.v); err != nil {
			return err
		}
	}
	for _, e := range in.Resources {
		if err := tx.PutResource(ctx, tenant, e.v); err != nil {
			return err
		}
	}
	return nil
}

// at names the entry that an error of the directory's rules is about.
func at(path string, err error) error {
	switch code := model.CodeOf(err); code {
	case model.CodeInvalidRequest, model.CodeOfficeConflict, model.CodeRoleUnknown, model.CodeLimitExceeded:
		return importInvalid([]model.Detail{{Path: path, Reason: err.Error()}})
	}
	return err
}

func importInvalid(bad []model.Detail) *model.Error {
	e := model.Errorf(model.CodeImportInvalid, "the file has %d bad entries, so nothing was imported", len(bad))
	if len(bad) == 1 {
		e.Message = "the file has a bad entry, so nothing was imported"
	}
	e.Details = bad
	return e
}
