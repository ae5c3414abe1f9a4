package directory

import (
	"context"

	"rolegate/internal/audit"
	"rolegate/internal/store"
	"rolegate/model"
)

// ImportResult says what an import did, or with a dry run would have done.
type ImportResult struct {
	Subjects    Counts `json:"subjects"`
	Teams       Counts `json:"teams"`
	Units       Counts `json:"units"`
	Territories Counts `json:"territories"`
	Roles       Counts `json:"roles"`
	Assignments Counts `json:"assignments"`
	Resources   Counts `json:"resources"`
	DryRun      bool   `json:"dry_run"`
	Revision    int64  `json:"revision"` // the tenant's, at which decisions know of it; as it was where nothing changed
}

// Counts is what became of the entries of one kind.
type Counts struct {
	Created   int `json:"created"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// Total is how many entries there were.
func (c Counts) Total() int { return c.Created + c.Changed + c.Unchanged }

// Import reads a directory file (docs/operations.md has its form) and applies
// it: all or nothing, and twice is the same as once. Every bad entry is named.
// References to managers, units, parents, heads and teams may dangle, since
// files are split as their owners like; members and roles of assignments may not.
//
// Offices are granted on the host alone: in what others import they are bad
// entries (CodeOfficeReserved).
func (s *Service) Import(ctx context.Context, caller model.Caller, tenant string, file []byte, dryRun bool, reason string) (ImportResult, error) {
	in, bad, err := s.readImport(caller, file)
	if err != nil {
		return ImportResult{}, err
	}
	var res ImportResult
	var e audit.Entry
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		res = ImportResult{DryRun: dryRun}
		revision, err := Take(ctx, tx, tenant) // and its row; what changes is known once it is held against that
		if err != nil {
			return err
		}
		if _, err := admit(ctx, tx, caller, tenant); err != nil {
			return err
		}
		if err := Stands(caller, tenant, revision); err != nil {
			return err
		}
		if err := reaches(revision-1, caller); err != nil {
			return err
		}
		there, err := tx.LoadDirectory(ctx, tenant)
		if err != nil {
			return err
		}
		bad := bad.clone()
		bad.add(in.check(there)...)
		if len(bad.list) > 0 {
			return bad.err()
		}
		diff, err := in.compare(ctx, tx, tenant, there, &res)
		if err != nil {
			return err
		}
		class, err := s.write(ctx, tx, tenant, diff, dryRun, reason)
		if err != nil {
			return err
		}
		e = act(caller, tenant, audit.DirectoryImport, reason, nil)
		e.Class, e.Service = class, service(caller)
		changes := diff.changes()
		if dryRun || len(changes) == 0 {
			res.Revision = revision - 1
			e.Personal["counts"] = res
			return errNothing
		}
		if res.Revision, err = tx.Bump(ctx, tenant, changes...); err != nil {
			return err
		}
		e.Revision, e.Personal["counts"] = res.Revision, res
		return s.Log.AppendIn(ctx, tx, e)
	})
	if err == errNothing {
		err = s.Log.Append(ctx, e)
	}
	return res, err
}

// readImport parses a file; what is bad in itself of it is named.
func (s *Service) readImport(caller model.Caller, file []byte) (in importFile, bad badEntries, err error) {
	if most := s.Limits.Policy; int64(len(file)) > most {
		return in, bad, model.Exceeded(model.SettingPolicy, most, "the file has %d bytes", len(file))
	}
	in, bad, err = parseImport(file, s.Limits)
	if err == nil && caller.Kind != model.CallerOperator {
		bad.add(in.offices()...)
	}
	return in, bad, err
}

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
	var bad badEntries
	for _, e := range in.Assignments {
		c, err := s.assign(ctx, tx, tenant, e.v, reason, counted)
		switch {
		case isRule(err):
			bad.add(model.Detail{Path: place("assignments", e.i), Code: model.CodeOf(err), Reason: model.PhraseOf(err)})
		case err != nil:
			return class, err
		case c == audit.ClassBreakGlass:
			class = c
		}
	}
	if len(bad.list) > 0 {
		return class, bad.err()
	}
	return class, nil
}

// isRule tells errors of the directory's rules, which are about one entry.
func isRule(err error) bool {
	switch model.CodeOf(err) {
	case model.CodeInvalidRequest, model.CodeOfficeConflict, model.CodeRoleUnknown, model.CodeLimitExceeded:
		return true
	}
	return false
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
