package app

import (
	"context"

	"rolegate/api"
	"rolegate/internal/audit/search"
	"rolegate/internal/server"
	"rolegate/model"
)

// LogRequest asks for entries of the log: of a tenant, or of the service itself.
type LogRequest struct {
	Tenant     string
	Platform   bool              // entries that belong to no tenant, instead
	Parameters map[string]string // what to look for, see search.Parameters
	Order      string
	Limit      int
	After      string // a cursor
	Index      int64  // of the one to show
}

func (r LogRequest) tenant() string {
	if r.Platform {
		return ""
	}
	return r.Tenant
}

// LogPage is a part of what was found.
type LogPage struct {
	Entries    []api.AuditEntry `json:"entries"`
	Next       string           `json:"next,omitempty"` // the cursor of what follows
	Looked     int              `json:"looked"`
	Unreadable int              `json:"unreadable"`
	EndedEarly bool             `json:"ended_early"`
}

// hostBudget is how much of the log a command reads: four million entries, for which
// whoever runs it waits.
const hostBudget = 1 << 30

// MaxHostPage bounds a page: a command's answer is made whole in the service's memory.
const MaxHostPage = 1000

// SearchLog finds entries. On the host nothing that is sealed is opened: that is for
// those who hold the office.
var SearchLog = Operation[LogRequest, LogPage]{"log-search", func(ctx context.Context, a *App, caller model.Caller, r LogRequest) (LogPage, error) {
	if r.Limit > MaxHostPage {
		return LogPage{}, model.Errorf(model.CodeLimitExceeded, "a page has at most %d entries; go on from it with --after", MaxHostPage)
	}
	f, err := search.Parse(r.Parameters)
	if err != nil {
		return LogPage{}, err
	}
	order, err := search.ParseOrder(r.Order)
	if err != nil {
		return LogPage{}, err
	}
	var after *search.Cursor
	if r.After != "" {
		c, ok := search.ParseCursor(r.After)
		if !ok {
			return LogPage{}, model.Errorf(model.CodeInvalidRequest, "%q is no cursor of a search", r.After)
		}
		after = &c
	}
	reader, err := a.logReader(ctx, caller, r)
	if err != nil {
		return LogPage{}, err
	}
	s := *a.Search
	s.Budget = hostBudget
	p, err := s.Pages(ctx, reader, f, order, r.Limit, after)
	if err != nil {
		return LogPage{}, err
	}
	out := LogPage{Entries: make([]api.AuditEntry, len(p.Entries)), Looked: p.Looked, Unreadable: p.Unreadable, EndedEarly: p.Early}
	for i := range p.Entries {
		out.Entries[i] = server.EntryView(&p.Entries[i], p.Entries[i].Closed())
	}
	if p.Next != nil {
		out.Next = p.Next.String()
	}
	return out, nil
}}

// ShowEntry gives one entry, with what it seals left closed.
var ShowEntry = Operation[LogRequest, api.AuditEntry]{"log-show", func(ctx context.Context, a *App, caller model.Caller, r LogRequest) (api.AuditEntry, error) {
	reader, err := a.logReader(ctx, caller, r)
	if err != nil {
		return api.AuditEntry{}, err
	}
	e, sealed, err := a.Search.Read(ctx, reader, r.Index)
	if err != nil {
		return api.AuditEntry{}, err
	}
	return server.EntryView(&e, sealed), nil
}}

func (a *App) logReader(ctx context.Context, caller model.Caller, r LogRequest) (search.Reader, error) {
	reader := search.Reader{Caller: caller}
	if r.Platform {
		return reader, nil
	}
	t, err := a.Directory.Tenant(ctx, r.Tenant)
	reader.Tenant, reader.Ref = t.ID, t.Ref
	return reader, err
}
