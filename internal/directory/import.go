package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	if most := s.Limits.Policy; int64(len(file)) > most {
		return ImportResult{}, model.Exceeded(model.SettingPolicy, most, "the file has %d bytes", len(file))
	}
	in, bad, err := parseImport(file, s.Limits)
	if err != nil {
		return ImportResult{}, err
	}
	if caller.Kind != model.CallerOperator {
		bad.add(in.offices()...)
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
		there, err := tx.LoadDirectory(ctx, tenant)
		if err != nil {
			return err
		}
		bad := bad.clone()
		bad.add(in.check(there)...)
		if len(bad.list) > 0 {
			return bad.err()
		}
		todo, err := in.compare(ctx, tx, tenant, there, &res)
		if err != nil {
			return err
		}
		class, err := s.write(ctx, tx, tenant, todo, dryRun, reason)
		if err != nil {
			return err
		}
		e = act(caller, tenant, audit.DirectoryImport, reason, nil)
		e.Class, e.Service = class, service(caller)
		changes := todo.changes()
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
		return importInvalid([]model.Detail{{Path: path, Code: code, Reason: err.Error()}}, 1)
	}
	return err
}

// importFile is a parsed file: ids bare, every entry well formed in itself.
type importFile struct {
	Subjects    []numbered[model.Subject]
	Teams       []numbered[model.Team]
	Units       []numbered[model.Unit]
	Territories []numbered[model.Territory]
	Roles       []numbered[string]
	Assignments []numbered[model.Assignment]
	Resources   []numbered[model.Resource]
}

// numbered is an entry with its place in the file's list.
type numbered[T any] struct {
	i int
	v T
}

// changes is what decisions have to know of the file; in an import nothing is
// taken away.
func (in importFile) changes() (changes []store.Change) {
	if len(in.Teams)+len(in.Units)+len(in.Territories) > 0 {
		changes = append(changes, store.Change{Kind: store.ChangedGroups})
	}
	for _, e := range in.Roles {
		changes = append(changes, roleChange(e.v))
	}
	for _, e := range in.Subjects {
		changes = append(changes, subjectChange(e.v.Key()))
	}
	for _, e := range in.Assignments {
		changes = append(changes, memberChange(e.v.Member))
	}
	for _, e := range in.Resources {
		changes = append(changes, store.ResourceChange(e.v.Type, e.v.ID))
	}
	return changes
}

// parseImport reads a file strictly and names every entry that is bad in itself.
func parseImport(file []byte, l model.Limits) (in importFile, bad badEntries, err error) {
	var raw struct {
		Subjects    []jsontext.Value `json:"subjects"`
		Teams       []jsontext.Value `json:"teams"`
		Units       []jsontext.Value `json:"units"`
		Territories []jsontext.Value `json:"territories"`
		Roles       []jsontext.Value `json:"roles"`
		Assignments []jsontext.Value `json:"assignments"`
		Resources   []jsontext.Value `json:"resources"`
	}
	if err := json.Unmarshal(file, &raw, json.RejectUnknownMembers(true)); err != nil {
		return in, bad, importInvalid([]model.Detail{complain("", file, err)}, 1)
	}
	in.Subjects = entries(&bad, l, "subjects", raw.Subjects, cleanSubject, model.Subject.Key)
	in.Teams = entries(&bad, l, "teams", raw.Teams, cleanTeam, func(t model.Team) string { return t.ID })
	in.Units = entries(&bad, l, "units", raw.Units, cleanUnit, func(u model.Unit) string { return u.ID })
	in.Territories = entries(&bad, l, "territories", raw.Territories, cleanTerritory, func(t model.Territory) string { return t.ID })
	in.Roles = entries(&bad, l, "roles", raw.Roles, cleanRole, func(r string) string { return r })
	in.Assignments = entries(&bad, l, "assignments", raw.Assignments, func(e AssignmentEntry, l model.Limits) (model.Assignment, error) {
		a, err := e.Assignment()
		if err != nil {
			return a, err
		}
		return cleanAssignment(a, l)
	}, assignmentKey)
	in.Resources = entries(&bad, l, "resources", raw.Resources, cleanResource, resourceKey)
	return in, bad, nil
}

// Between two parts stands what no id can hold.
func assignmentKey(a model.Assignment) string { return a.Member + "\x00" + a.Role }
func resourceKey(r model.Resource) string     { return r.Type + "\x00" + r.ID }

// entries decodes and cleans a list, collecting what is bad; an entry whose key
// stands twice is bad too, since which of the two counts would be a guess.
func entries[T, V any](bad *badEntries, l model.Limits, list string, raw []jsontext.Value, clean func(T, model.Limits) (V, error), key func(V) string) []numbered[V] {
	var out []numbered[V]
	first := map[string]int{}
	for i, r := range raw {
		path := fmt.Sprintf("%s[%d]", list, i)
		var sent T
		if err := json.Unmarshal(r, &sent, json.RejectUnknownMembers(true)); err != nil {
			d := complain(path, r, err)
			d.Code = model.CodeInvalidRequest
			bad.add(d)
			continue
		}
		v, err := clean(sent, l)
		if err != nil {
			bad.add(model.Detail{Path: path, Code: model.CodeOf(err), Reason: err.Error()})
			continue
		}
		if j, twice := first[key(v)]; twice {
			bad.add(model.Detail{Path: path, Code: model.CodeConflict, Reason: fmt.Sprintf("%q is already in %s[%d]", strings.ReplaceAll(key(v), "\x00", " "), list, j)})
			continue
		}
		first[key(v)] = i
		out = append(out, numbered[V]{i, v})
	}
	return out
}

// offices names the entries that would grant an office.
func (in importFile) offices() (bad []model.Detail) {
	for _, e := range in.Assignments {
		if err := reserved(e.v.Role); err != nil {
			bad = append(bad, model.Detail{Path: fmt.Sprintf("assignments[%d]", e.i), Code: model.CodeOf(err), Reason: err.Error()})
		}
	}
	return bad
}

// maxBad is how many bad entries are named; the others are counted.
const maxBad = 10_000

// badEntries are what is wrong with a file.
type badEntries struct {
	list []model.Detail
	n    int
}

func (b *badEntries) add(ds ...model.Detail) {
	b.n += len(ds)
	b.list = append(b.list, ds[:min(len(ds), maxBad-len(b.list))]...)
}

func (b badEntries) clone() badEntries { return badEntries{slices.Clone(b.list), b.n} }

func (b badEntries) err() error { return importInvalid(b.list, b.n) }

func importInvalid(bad []model.Detail, n int) *model.Error {
	e := model.Errorf(model.CodeImportInvalid, "the file has %d bad entries, so nothing was imported", n)
	switch {
	case n == 1:
		e.Message = "the file has a bad entry, so nothing was imported"
	case n > len(bad):
		e.Message = fmt.Sprintf("the file has %d bad entries, of which the first %d are named, so nothing was imported", n, len(bad))
	}
	e.Details = bad
	return e
}
