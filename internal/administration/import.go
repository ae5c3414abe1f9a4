package administration

import (
	"context"
	"fmt"
	"sync/atomic"

	"rolegate/internal/directory"
	"rolegate/model"
)

// Imported is what an import did, or, previewed, would do.
type Imported struct {
	directory.Plan
	Result directory.ImportResult
}

// PreviewImport works out what an import would do, and refuses what the person may not
// do, entry by entry. Nothing is changed; that it was looked at is recorded.
func (o *Officer) PreviewImport(ctx context.Context, file []byte) (Imported, error) {
	return o.importFile(ctx, file, "", true, "")
}

// ImportFile does an import that was previewed: exactly that, by the digest of its
// plan, or CodePrecondition where the directory has changed what it would do.
func (o *Officer) ImportFile(ctx context.Context, file []byte, digest, reason string) (Imported, error) {
	if err := directory.CheckNote(reason); err != nil {
		return Imported{}, err
	}
	return o.importFile(ctx, file, digest, false, reason)
}

// maxImports is how many of people's imports are worked on at once: one takes of memory
// many times what its file does.
const maxImports = 2

// importing takes a place for an import, or refuses.
func (s *Service) importing() (release func(), err error) {
	if atomic.AddInt32(&s.imports, 1) > maxImports {
		atomic.AddInt32(&s.imports, -1)
		return nil, model.Errorf(model.CodeBusy, "%d imports are going on already", maxImports)
	}
	return func() { atomic.AddInt32(&s.imports, -1) }, nil
}

func (o *Officer) importFile(ctx context.Context, file []byte, digest string, dryRun bool, reason string) (done Imported, err error) {
	release, err := o.importing()
	if err != nil {
		return done, err
	}
	defer release()
	err = o.settle(ctx, model.AnyRecord, "", func(at *standing) error {
		if done.Plan, err = o.Directory.Plan(ctx, at.caller, o.tenant, file); err != nil {
			return err
		}
		if !dryRun && done.Digest != digest {
			return model.Errorf(model.CodePrecondition, "the directory has changed since the preview, and with it what this import would do; look at it again")
		}
		// Who owns a record says who reaches it, and those who administer see none of them:
		// nor are they told whether one is as they guess.
		if n := done.Counts.Resources.Total(); n > 0 {
			return model.Errorf(model.CodeForbidden, "the file has %d records of the CRM: they are imported by the CRM's own systems, or on the host", n)
		}
		if err := at.mayImport(ctx, done.Steps); err != nil {
			return err
		}
		done.Result, err = o.Directory.Import(ctx, at.caller, o.tenant, file, dryRun, reason)
		return err
	})
	return done, err
}

// mayImport holds each step to what it would take by itself, and names those that are
// beyond the person.
func (at *standing) mayImport(ctx context.Context, steps []directory.Step) error {
	var beyond []model.Detail
	for _, s := range steps {
		err := at.mayStep(ctx, s)
		switch code := model.CodeOf(err); code {
		case "":
		case model.CodeForbidden, model.CodeOfficeReserved, model.CodeRoleUnknown:
			beyond = append(beyond, model.Detail{Path: s.Place, Code: code, Reason: model.PhraseOf(err)})
		default:
			return err
		}
	}
	if len(beyond) == 0 {
		return nil
	}
	e := model.Errorf(model.CodeForbidden, "%d entries are beyond what you may do, so nothing is imported", len(beyond))
	e.Details = beyond
	return e
}

func (at *standing) mayStep(ctx context.Context, s directory.Step) error {
	switch is := s.Is.(type) {
	case model.Subject:
		was, _ := s.Was.(model.Subject)
		of := ""
		if is.Type == "user" {
			of = is.ID
		}
		if _, err := at.ask(ctx, Organization, Import, is.Key(), of); err != nil {
			return err
		}
		return at.mayPutMember(ctx, was, is)
	case model.Team:
		_, err := at.ask(ctx, Organization, Import, "team:"+is.ID, "")
		return err
	case model.Unit:
		was, _ := s.Was.(model.Unit)
		if _, err := at.ask(ctx, Organization, Import, "unit:"+is.ID, ""); err != nil {
			return err
		}
		return at.mayPutUnit(ctx, was, is)
	case model.Territory:
		was, _ := s.Was.(model.Territory)
		if _, err := at.ask(ctx, Organization, Import, "territory:"+is.ID, ""); err != nil {
			return err
		}
		return at.mayPutTerritory(ctx, was, is)
	case model.Role:
		_, err := at.ask(ctx, Roles, Create, is.ID, "")
		return err
	case model.Assignment:
		return at.mayAssign(ctx, is)
	}
	return fmt.Errorf("nobody knows what it takes to import a %T", s.Is)
}
