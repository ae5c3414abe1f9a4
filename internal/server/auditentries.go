package server

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"rolegate/api"
	"rolegate/internal/administration"
	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
	"rolegate/internal/i18n"
	"rolegate/model"
)

// maxEntries bounds a page of the log.
const maxEntries = 200

// searchParameters are the names of what entries are looked for by.
var searchParameters = func() []string {
	names := []string{"order", "limit", "token"}
	for _, p := range search.Parameters {
		names = append(names, p.Name)
	}
	return names
}()

func (s *Server) logEntries(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	values, err := query(r, searchParameters...)
	if err != nil {
		return err
	}
	f, err := search.Parse(values)
	if err != nil {
		return wrongParameter(err)
	}
	order, err := search.ParseOrder(values["order"])
	if err != nil {
		return wrongParameter(err)
	}
	sealer, err := s.sealerOf(o.Caller(), spelled("search the log", values))
	if err != nil {
		return err
	}
	at, err := sealer.readQuery(values, maxEntries)
	if err != nil {
		return err
	}
	var after *search.Cursor
	if at.after != "" {
		c, ok := search.ParseCursor(at.after)
		if !ok {
			return invalid(i18n.QueryToken, "token")
		}
		after = &c
	}
	p, err := o.SearchLog(r.Context(), f, order, at.limit, after)
	if err != nil {
		return err
	}
	a := api.AuditEntryList{Results: make([]api.AuditEntry, len(p.Entries)),
		Context: api.AuditSearchContext{Looked: p.Looked, Unreadable: p.Unreadable, EndedEarly: p.Early}}
	a.Page.Count = len(p.Entries)
	for i := range p.Entries {
		a.Results[i] = EntryView(&p.Entries[i], p.Entries[i].Closed())
	}
	if p.Next != nil {
		at.after = p.Next.String()
		a.Page.NextToken = sealer.seal(at)
	}
	return reply(w, http.StatusOK, a)
}

func (s *Server) logEntry(w http.ResponseWriter, r *http.Request, o *administration.Officer) error {
	if _, err := query(r); err != nil {
		return err
	}
	text := chi.URLParam(r, "index")
	index, err := strconv.ParseInt(text, 10, 64)
	if err != nil || index < 0 || index == 1<<63-1 || strconv.FormatInt(index, 10) != text {
		return &model.Error{Code: model.CodeNotFound}
	}
	e, sealed, err := o.LogEntry(r.Context(), index)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, EntryView(&e, sealed))
}

// spelled spells a query without doubt, but for where in it a page is.
func spelled(what string, values map[string]string) []byte {
	b := []byte(what)
	for _, name := range searchParameters {
		if v := values[name]; v != "" && name != "limit" && name != "token" {
			b = append(append(append(append(b, 0), name...), '='), v...)
		}
	}
	return b
}

// wrongParameter tells in either language what a parameter should have been.
func wrongParameter(err error) error {
	var wrong *search.Wrong
	if !errors.As(err, &wrong) {
		return err
	}
	what := map[search.Want]i18n.Input{
		search.WantName: i18n.SubjectKey, search.WantTime: i18n.QueryTime, search.WantNumber: i18n.QueryPositive, search.WantText: i18n.QueryText,
		search.WantLater: i18n.QueryLater, search.WantHappens: i18n.QueryActivity, search.WantTrace: i18n.QueryTrace,
	}[wrong.Want]
	if what != "" {
		return invalid(what, wrong.Name)
	}
	return bad(model.CodeInvalidRequest, i18n.QueryChoice, wrong.Name, i18n.Words{"choice": choices[wrong.Want]})
}

// choices are the words that a parameter may be.
var choices = map[search.Want]string{
	search.WantClass:   "login, decision, admin, break_glass, system",
	search.WantOutcome: "allow, deny, ok, error",
	search.WantOrder:   "newest, oldest",
}

// EntryView is an entry as people are shown it.
func EntryView(e *search.Entry, sealed []search.Sealed) api.AuditEntry {
	l := &e.Leaf
	v := api.AuditEntry{
		Index: e.Index, LeafHash: base64.StdEncoding.EncodeToString(e.LeafHash()), Time: time.UnixMicro(l.Time).UTC(), Class: string(l.Class), Activity: string(l.Activity),
		Outcome: string(l.Outcome), Code: string(l.Code), Actor: l.Actor, Roles: l.Roles, Object: l.Object, Action: l.Op, Rule: l.Rule,
		PolicyHash: hex.EncodeToString(l.PolicyHash), PreviousPolicyHash: hex.EncodeToString(l.PrevPolicy), Revision: l.Revision, Client: l.Service, TraceID: l.Request,
		ACR: levelText(l.Level), Count: l.Count, Source: hex.EncodeToString(l.Source), Seq: l.Seq, Sealed: make([]api.AuditSegment, len(sealed)),
	}
	if l.Since != 0 {
		since := time.UnixMicro(l.Since).UTC()
		v.Since = &since
	}
	if l.Age != 0 {
		v.AuthAge = &l.Age
	}
	if l.Since != 0 {
		v.Since = moment(time.UnixMicro(l.Since).UTC())
	}
	for _, i := range l.Items {
		v.Members = append(v.Members, api.AuditMember{Outcome: string(i.Outcome), Code: string(i.Code), Object: i.Object, Action: i.Op, Rule: i.Rule})
	}
	for i, s := range sealed {
		v.Sealed[i] = api.AuditSegment{Ref: hex.EncodeToString(s.Ref), Epoch: s.Epoch, SHA256: hex.EncodeToString(s.Sum),
			State: api.AuditSegmentState(s.State), Content: s.Content}
	}
	if l.Act != nil {
		v.Act = actView(l.Act)
	}
	return v
}

func actView(a *audit.Act) api.AuditAct {
	v := api.AuditAct{Kind: string(a.Kind), By: hex.EncodeToString(a.By), Request: a.Request, Digest: hex.EncodeToString(a.Digest), Count: a.Count}
	if a.Floor != 0 {
		v.NotBefore = moment(time.UnixMicro(a.Floor).UTC())
	}
	if a.Scope == nil {
		return v
	}
	for _, ref := range a.Scope.Refs {
		v.Scope.Refs = append(v.Scope.Refs, hex.EncodeToString(ref))
	}
	for _, e := range a.Scope.Epochs {
		v.Scope.Epochs = append(v.Scope.Epochs, e.Epoch)
	}
	for _, seg := range a.Scope.Segments {
		v.Scope.Segments = append(v.Scope.Segments, api.AuditPlace{Index: seg.Index, Place: seg.Place})
	}
	for class, days := range a.Scope.Classes {
		v.Scope.Classes = append(v.Scope.Classes, api.AuditPeriod{Class: string(class), Days: days})
	}
	slices.SortFunc(v.Scope.Classes, func(a, b api.AuditPeriod) int { return strings.Compare(a.Class, b.Class) })
	return v
}
