package change

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"rolegate/internal/audit"
	"rolegate/internal/directory"
	"rolegate/internal/policy/review"
	"rolegate/internal/store"
	"rolegate/model"
)

// Bounds.
const (
	maxOpen   = 100 // drafts of a tenant that something can still come of
	maxListed = 200
	maxTitle  = 200 // bytes
)

// Create makes a draft: a copy of the policy in force and of its cases.
func (s *Service) Create(ctx context.Context, caller model.Caller, tenant, title string) (d Draft, err error) {
	if err := checkTitle(title); err != nil {
		return Draft{}, err
	}
	id := rand.Text()
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := directory.TakeBy(ctx, tx, caller, tenant); err != nil {
			return err
		}
		open, err := tx.ListDrafts(ctx, tenant, maxOpen)
		if err != nil {
			return err
		}
		if len(open) == maxOpen && open[maxOpen-1].State.Open() {
			return model.Errorf(model.CodeConflict, "there are %d drafts already; publish or withdraw some of them first", maxOpen)
		}
		p, err := inForce(ctx, tx, tenant)
		if err != nil {
			return err
		}
		now, who := s.now(), caller.String()
		d = Draft{ID: id, Tenant: tenant, Title: title, State: Open, Base: p.Revision, Version: 1, Document: p.Text, Cases: p.Cases,
			Author: who, CreatedAt: now, EditedBy: who, EditedAt: now, Editors: []string{who}}
		if err := tx.InsertDraft(ctx, d); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, entryOf(caller, d, audit.DraftCreated, ""))
	})
	return unless(err, d)
}

// Save writes to a draft, bad rows and all. Whatever was submitted or approved is
// no longer. Ends of lines become LF, as the document is published.
func (s *Service) Save(ctx context.Context, caller model.Caller, tenant, id string, version int64, e Edit) (Draft, error) {
	if err := checkTitle(e.Title); err != nil {
		return Draft{}, err
	}
	if limit := s.Policy.Limits.Policy; int64(len(e.Document)) > limit {
		return Draft{}, model.Exceeded(model.SettingPolicy, limit, "the policy document has %d bytes", len(e.Document))
	}
	if len(e.Cases) > review.MaxCases {
		return Draft{}, model.Errorf(model.CodeLimitExceeded, "the cases have %d bytes, and at most %d are allowed", len(e.Cases), review.MaxCases)
	}
	return s.step(ctx, caller, tenant, id, version, audit.DraftSaved, "", func(_ store.Tx, d *Draft) error {
		d.Title, d.Document, d.Cases = e.Title, canonical(e.Document), canonical(e.Cases)
		return s.written(d, caller)
	})
}

// written notes who wrote to a draft, and that what was said of it before was said of
// something else.
func (s *Service) written(d *Draft, caller model.Caller) error {
	if !d.State.Open() {
		return over(d)
	}
	if d.State == Approved {
		d.DecidedBy, d.DecidedAt, d.Comment = "", time.Time{}, ""
	}
	d.State, d.SubmittedBy, d.SubmittedAt, d.Digest, d.AloneFrom = Open, "", time.Time{}, "", time.Time{}
	d.EditedBy, d.EditedAt = caller.String(), s.now()
	takesPart(d, d.EditedBy)
	return nil
}

// takesPart notes who wrote to a draft or submitted it: none of them approves it, in
// whatever version.
func takesPart(d *Draft, who string) {
	if !slices.Contains(d.Editors, who) {
		d.Editors = append(slices.Clone(d.Editors), who)
	}
}

// Submit hands a draft to somebody else, if it has no bad row, all its cases pass,
// and it is made from the policy in force. Where one person may publish alone, the
// day begins now, and every office holder is told.
func (s *Service) Submit(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error) {
	seen, err := seen(ctx, s.Store, tenant, id, version)
	if err == nil && seen.State == Open {
		err = s.ready(ctx, seen)
	}
	if err != nil {
		return Draft{}, err
	}
	return s.step(ctx, caller, tenant, id, version, audit.DraftSubmitted, "", func(tx store.Tx, d *Draft) error {
		switch {
		case !d.State.Open():
			return over(d)
		case d.State != Open:
			return model.Errorf(model.CodeConflict, "the draft has been submitted already, by %s", d.SubmittedBy)
		}
		p, err := onBase(ctx, tx, d)
		if err != nil {
			return err
		}
		if d.Document == p.Text && d.Cases == p.Cases {
			return model.Errorf(model.CodeConflict, "the draft changes nothing of the policy in force")
		}
		d.State, d.SubmittedBy, d.SubmittedAt, d.Digest = Submitted, caller.String(), s.now(), digest(d)
		d.DecidedBy, d.DecidedAt, d.Comment = "", time.Time{}, ""
		takesPart(d, d.SubmittedBy)
		if !s.Single {
			return nil
		}
		d.AloneFrom = d.SubmittedAt.Add(CoolOff)
		return s.announce(ctx, tx, caller, d)
	})
}

// ready refuses a draft that is not fit to be published: with bad rows, with rows that
// give roles to people, that would be the last, or with cases that do not pass for the
// people there are.
func (s *Service) ready(ctx context.Context, d Draft) error {
	then, err := s.lasting(ctx, d.Tenant, d.Document)
	if err != nil || d.Cases == "" {
		return err
	}
	results, err := s.run(d.Cases, then)
	if err != nil {
		return err
	}
	return passed(results)
}

// passed names every case that does not pass.
func passed(results []model.CaseResult) error {
	var failed []model.Detail
	for _, r := range results {
		if !r.Passed {
			failed = append(failed, model.Detail{Line: r.Line, Code: r.Code, Reason: model.Say("%s: wanted %s, got %s", r.Name, verdict(r.Want), verdict(r.Got))})
		}
	}
	if len(failed) == 0 {
		return nil
	}
	e := model.Errorf(model.CodeCasesFailed, "%d of %d cases did not pass", len(failed), len(results))
	e.Details = failed
	return e
}

// verdict is a word of a case as one of a sentence.
func verdict(word string) model.Phrase {
	if word == "allow" {
		return model.Say("allow")
	}
	return model.Say("deny")
}

// Withdraw gives a draft up.
func (s *Service) Withdraw(ctx context.Context, caller model.Caller, tenant, id string, version int64) (Draft, error) {
	return s.step(ctx, caller, tenant, id, version, audit.DraftWithdrawn, "", func(_ store.Tx, d *Draft) error {
		if !d.State.Open() {
			return over(d)
		}
		d.State = Withdrawn
		return nil
	})
}

// step does one thing to a draft, with the tenant's row in hand, and records it.
func (s *Service) step(ctx context.Context, caller model.Caller, tenant, id string, version int64, a audit.Activity, note string,
	do func(tx store.Tx, d *Draft) error) (done Draft, err error) {
	err = s.Store.InTx(ctx, func(tx store.Tx) error {
		if _, err := directory.TakeBy(ctx, tx, caller, tenant); err != nil {
			return err
		}
		if done, err = seen(ctx, tx, tenant, id, version); err != nil {
			return err
		}
		if err := do(tx, &done); err != nil {
			return err
		}
		if err := write(ctx, tx, &done); err != nil {
			return err
		}
		return s.Log.AppendIn(ctx, tx, entryOf(caller, done, a, note))
	})
	return unless(err, done)
}

// seen is the draft, if it still is as somebody saw it.
func seen(ctx context.Context, q store.Drafts, tenant, id string, version int64) (Draft, error) {
	d, err := find(ctx, q, tenant, id)
	if err == nil && d.Version != version {
		err = &Moved{Now: d, Seen: version}
	}
	return d, err
}

// write stores a draft as its next version.
func write(ctx context.Context, tx store.Drafts, d *Draft) error {
	d.Version++
	took, err := tx.UpdateDraft(ctx, *d)
	if err == nil && !took {
		err = model.Errorf(model.CodeConflict, "the draft has changed meanwhile")
	}
	return err
}

// onBase is the policy in force, if the draft was made from it.
func onBase(ctx context.Context, q store.Policies, d *Draft) (Revision, error) {
	p, err := inForce(ctx, q, d.Tenant)
	if err == nil && p.Revision != d.Base {
		err = &Outdated{Base: d.Base, InForce: p.Revision}
	}
	return p, err
}

// over says that nothing more comes of a draft.
func over(d *Draft) error {
	if d.State == Withdrawn {
		return model.Errorf(model.CodeConflict, "the draft has been withdrawn")
	}
	return model.Errorf(model.CodeConflict, "the draft has been published, as revision %d", d.Published)
}

// digest is of all that is approved of a draft: what it says, and over what.
func digest(d *Draft) string {
	h := sha256.New()
	fmt.Fprintf(h, "rolegate draft\n%s\n%d\n%d\n", d.Tenant, d.Base, len(d.Document))
	h.Write([]byte(d.Document))
	h.Write([]byte(d.Cases))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// canonical is a text with LF at the end of every line and no byte order mark: for a
// document what Parse keeps of it, so that what is approved is what is published.
func canonical(text string) string {
	text = strings.TrimLeft(text, "\ufeff")
	if text == "" || !strings.Contains(text, "\r") && strings.HasSuffix(text, "\n") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	return b.String()
}

func checkTitle(title string) error {
	switch {
	case strings.TrimSpace(title) == "":
		return model.Errorf(model.CodeInvalidRequest, "say in a title what the change is for")
	case len(title) > maxTitle:
		return model.Errorf(model.CodeInvalidRequest, "the title is longer than %d bytes", maxTitle)
	case strings.ContainsFunc(title, unicode.IsControl), !directory.PlainText(title):
		return model.Errorf(model.CodeInvalidRequest, "the title has a control character in it")
	}
	return nil
}

// entryOf is the record of an act on a draft; which one is sealed with the actor.
func entryOf(caller model.Caller, d Draft, a audit.Activity, note string) audit.Entry {
	e := audit.Entry{Tenant: d.Tenant, Class: audit.ClassAdmin, Activity: a, Outcome: audit.OutcomeOK, Caller: caller,
		Personal: map[string]any{"draft": d.ID, "version": d.Version, "title": d.Title, "digest": digest(&d)}}
	if note != "" {
		e.Personal["reason"] = note
	}
	if g := caller.Grounds; g != nil {
		e.Object, e.Op, e.Rule, e.PolicyHash = g.Object, g.Action, g.Rule, g.PolicyHash
	}
	return e
}

// unless gives nothing beside an error.
func unless(err error, d Draft) (Draft, error) {
	if err != nil {
		return Draft{}, err
	}
	return d, nil
}
