package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api/client"
)

// contact finds the contact that a request is about, for the gate and for the
// handler behind it.
func (s *server) contact(r *http.Request) (client.Record, error) {
	c, err := s.store.contact(r.Context(), chi.URLParam(r, "id"))
	return client.Record{ID: c.ID, Facts: facts(c), Value: c}, err
}

// getContact is called only if the person may read the contact.
func (s *server) getContact(w http.ResponseWriter, r *http.Request) error {
	passed := client.From(r.Context())
	c := passed.Record.Value.(contact)
	return reply(w, http.StatusOK, show(passed.Decision, c.ID, c))
}

// deleteContact is called only if the person may delete the contact.
func (s *server) deleteContact(w http.ResponseWriter, r *http.Request) error {
	if err := removeContact(r.Context(), s.store.db, client.From(r.Context()).Record.Value.(contact)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// contactInput is what people write. A field that is not there stays as it is.
type contactInput struct {
	Name, Email, Phone, Title *string
}

// into puts the fields into a contact and tells which they are, with their values.
func (in contactInput) into(c *contact) map[string]any {
	changes := map[string]any{}
	for _, f := range []struct {
		name     string
		from, to *string
	}{{"name", in.Name, &c.Name}, {"email", in.Email, &c.Email}, {"phone", in.Phone, &c.Phone}, {"title", in.Title, &c.Title}} {
		if f.from != nil {
			*f.to = *f.from
			changes[f.name] = *f.from
		}
	}
	return changes
}

// createContact asks about the contact as it would be.
func (s *server) createContact(w http.ResponseWriter, r *http.Request) error {
	var in contactInput
	if err := decode(w, r, &in); err != nil {
		return err
	}
	q, err := s.gate.Ask(r, "create", "contact")
	if err != nil {
		return err
	}
	c := contact{ID: rand.Text(), Owner: q.Subject.ID, CreatedAt: time.Now().UTC().Format(time.RFC3339)}
	changes := in.into(&c)
	if c.Name == "" {
		return fmt.Errorf("%w: a contact has a name", errBadRequest)
	}
	q.ID, q.Record, q.Fields, q.ReturnFields = c.ID, facts(c), names(changes), names(facts(c))
	d, err := s.gate.Check(r.Context(), q)
	if err != nil {
		return err
	}
	if err := s.store.insertContact(r.Context(), c); err != nil {
		return err
	}
	return reply(w, http.StatusCreated, show(d, c.ID, c))
}

// updateContact is called only if the person may read the contact, and asks about
// changing it: the contact as it is, and each field with its new value.
func (s *server) updateContact(w http.ResponseWriter, r *http.Request) error {
	var in contactInput
	if err := decode(w, r, &in); err != nil {
		return err
	}
	q, err := s.gate.Ask(r, "update", "contact")
	if err != nil {
		return err
	}
	c := client.From(r.Context()).Record.Value.(contact)
	q.ID, q.Record = c.ID, facts(c)
	q.Changes = in.into(&c)
	q.Fields, q.ReturnFields = names(q.Changes), names(facts(c))
	d, err := s.gate.Check(r.Context(), q)
	if err != nil {
		return err
	}
	if err := saveContact(r.Context(), s.store.db, c); err != nil {
		return err
	}
	return reply(w, http.StatusOK, show(d, c.ID, c))
}

// mergeContacts keeps the contact, fills its gaps from the others and deletes
// those. It is allowed if every part of it is: one batch that stops at the first
// denial. Of an id they may not see nobody learns whether there is such a contact, so
// what the others would fill is asked about only after leave to delete them.
func (s *server) mergeContacts(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Drop []string }
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if len(in.Drop) == 0 || len(in.Drop) > 20 {
		return fmt.Errorf("%w: drop 1 to 20 contacts", errBadRequest)
	}
	update, err := s.gate.Ask(r, "update", "contact")
	if err != nil {
		return err
	}
	remove := update
	remove.Action = "delete"
	kept := client.From(r.Context()).Record.Value.(contact)
	update.ID, update.Record, update.Changes = kept.ID, facts(kept), map[string]any{}

	for i, id := range in.Drop { // all, before any is looked for
		if id == kept.ID || slices.Contains(in.Drop[:i], id) {
			return fmt.Errorf("%w: %s is there twice", errBadRequest, id)
		}
	}
	var questions []client.Question
	var dropped []contact
	for _, id := range in.Drop {
		c, err := s.store.contact(r.Context(), id)
		if errors.Is(err, client.ErrNotFound) {
			return s.missing(r, questions, remove)
		}
		if err != nil {
			return err
		}
		remove.ID, remove.Record = c.ID, facts(c)
		questions = append(questions, remove)
		dropped = append(dropped, c)
		kept = fill(kept, c, update.Changes)
	}
	update.Fields = names(update.Changes)
	if err := s.allowed(r, append(questions, update)); err != nil {
		return err
	}
	if err := s.store.mergeContacts(r.Context(), kept, dropped); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// missing answers for a contact that is not there as for one that may not be seen:
// after the questions before it, as a denial would have come.
func (s *server) missing(r *http.Request, before []client.Question, q client.Question) error {
	if len(before) > 0 {
		if err := s.allowed(r, before); err != nil {
			return err
		}
	}
	return s.gate.Conceal(r.Context(), q, client.ErrNotFound)
}

// allowed is nil if all of the questions are allowed.
func (s *server) allowed(r *http.Request, questions []client.Question) error {
	ds, err := s.gate.CheckAll(r.Context(), questions...)
	if err != nil && len(ds) > 0 {
		return s.gate.Conceal(r.Context(), questions[len(ds)-1], err)
	}
	return err
}

// fill takes from another contact what the first does not have, and adds it to the
// changes.
func fill(c, from contact, changes map[string]any) contact {
	for _, f := range []struct {
		name     string
		to, from *string
	}{{"email", &c.Email, &from.Email}, {"phone", &c.Phone, &from.Phone}, {"title", &c.Title, &from.Title}} {
		if *f.to == "" && *f.from != "" {
			*f.to = *f.from
			changes[f.name] = *f.from
		}
	}
	return c
}

// names are the names of fields, in order.
func names(fields map[string]any) []string {
	var out []string
	for name := range fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
