package main

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"rolegate/api/client"
	"rolegate/api/filter"
)

// listContacts shows a page of the contacts the person may read:
// /contacts?q=zoe&sort=name&limit=20&after=…
func (s *server) listContacts(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r, "created_at", "name")
	if err != nil {
		return err
	}
	ask, err := s.gate.Ask(r, "read", "contact")
	if err != nil {
		return err
	}
	ask.SortFields = []string{p.sort} // who may not see a field may not sort by it,
	search := r.URL.Query().Get("q")
	if search != "" {
		ask.FilterFields = []string{"name"} // nor search in it
	}
	readable, err := s.gate.Filter(r.Context(), ask)
	if err != nil {
		return err
	}
	q, err := newQuery("contacts", contactFields, contactColumns, readable)
	if err != nil {
		return err
	}
	if search != "" {
		q.and("instr(lower(name), lower(?)) > 0", search)
	}
	q.page(p)
	rows, err := selectAll(r.Context(), s.store.db, scanContact, q.String(), q.args)
	if err != nil {
		return err
	}
	return replyPage(w, p, rows, readable, func(c contact) (string, any) {
		return c.ID, map[string]any{"created_at": c.CreatedAt, "name": c.Name}[p.sort]
	})
}

// listDeals shows a page of the deals the person may read: /deals?sort=amount
func (s *server) listDeals(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r, "created_at", "amount", "margin")
	if err != nil {
		return err
	}
	ask, err := s.gate.Ask(r, "read", "deal")
	if err != nil {
		return err
	}
	ask.SortFields = []string{p.sort}
	readable, err := s.gate.Filter(r.Context(), ask)
	if err != nil {
		return err
	}
	q, err := newQuery("deals", dealFields, dealColumns, readable)
	if err != nil {
		return err
	}
	q.page(p)
	rows, err := selectAll(r.Context(), s.store.db, scanDeal, q.String(), q.args)
	if err != nil {
		return err
	}
	return replyPage(w, p, rows, readable, func(d deal) (string, any) {
		return d.ID, map[string]any{"created_at": d.CreatedAt, "amount": d.Amount, "margin": d.Margin}[p.sort]
	})
}

// exportDeals writes all deals the person may export. The policy wants a fresh
// code for that: without one Filter's error is a *client.StepUpError, and the
// answer 401 with a challenge that tells the frontend what to ask for.
func (s *server) exportDeals(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.gate.Ask(r, "export", "deal")
	if err != nil {
		return err
	}
	exportable, err := s.gate.Filter(r.Context(), ask)
	if err != nil {
		return err
	}
	q, err := newQuery("deals", dealFields, dealColumns, exportable)
	if err != nil {
		return err
	}
	rows, err := selectAll(r.Context(), s.store.db, scanDeal, q.String()+" ORDER BY id", q.args)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "title", "stage", "amount", "margin"})
	for _, d := range rows {
		shown := show(exportable.Decision, d.ID, d) // a hidden field is empty, a masked one stays masked
		_ = out.Write([]string{cell(shown["id"]), cell(shown["title"]), cell(shown["stage"]), cell(shown["amount"]), cell(shown["margin"])})
	}
	out.Flush()
	return out.Error()
}

// deal finds the deal that a request is about.
func (s *server) deal(r *http.Request) (client.Record, error) {
	d, err := s.store.deal(r.Context(), chi.URLParam(r, "id"))
	return client.Record{ID: d.ID, Facts: facts(d), Value: d}, err
}

// getDeal is called only if the person may read the deal.
func (s *server) getDeal(w http.ResponseWriter, r *http.Request) error {
	passed := client.From(r.Context())
	d := passed.Record.Value.(deal)
	return reply(w, http.StatusOK, show(passed.Decision, d.ID, d))
}

// query is a SELECT of the records that a list may show.
type query struct {
	text strings.Builder
	args []any
}

// newQuery begins with what Rolegate allows; whatever is added only narrows it.
func newQuery(table, fields string, columns map[string]filter.Column, allowed client.List) (*query, error) {
	where, args, err := allowed.Where(filter.SQLite, columns, 1)
	if err != nil {
		return nil, err
	}
	q := &query{args: args}
	fmt.Fprintf(&q.text, "SELECT %s FROM %s WHERE %s", fields, table, where)
	return q, nil
}

func (q *query) and(condition string, args ...any) {
	q.text.WriteString(" AND (" + condition + ")")
	q.args = append(q.args, args...)
}

// page adds where the page begins, the order, and one row more than it shows.
func (q *query) page(p page) {
	if p.after != nil {
		q.and("("+p.sort+", id) > (?, ?)", p.after.Value, p.after.ID)
	}
	fmt.Fprintf(&q.text, " ORDER BY %s, id LIMIT %d", p.sort, p.limit+1)
}

func (q *query) String() string { return q.text.String() }

// page is which part of a list is wanted. It begins behind a record, not at a
// number of records, so nothing is shown twice or left out while others write.
type page struct {
	sort  string
	limit int
	after *cursor
}

// cursor is the last record of the page before: what it is sorted by, and its id.
type cursor struct {
	Value any    `json:"v"`
	ID    string `json:"id"`
}

// pageOf reads sort, limit and after; sorts are the fields that can be sorted by,
// the first unless another is named.
func pageOf(r *http.Request, sorts ...string) (page, error) {
	p := page{sort: sorts[0], limit: 20}
	query := r.URL.Query()
	if name := query.Get("sort"); name != "" {
		p.sort = ""
		for _, s := range sorts {
			if s == name {
				p.sort = s // ours: it goes into the text of the query
			}
		}
		if p.sort == "" {
			return page{}, fmt.Errorf("%w: sort", errBadRequest)
		}
	}
	if raw := query.Get("limit"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > 100 {
			return page{}, fmt.Errorf("%w: limit is 1 to 100", errBadRequest)
		}
		p.limit = n
	}
	if raw := query.Get("after"); raw != "" {
		text, err := base64.RawURLEncoding.DecodeString(raw)
		if err != nil || json.Unmarshal(text, &p.after) != nil || p.after == nil {
			return page{}, fmt.Errorf("%w: after", errBadRequest)
		}
		switch p.after.Value.(type) {
		case string, float64:
		default:
			return page{}, fmt.Errorf("%w: after", errBadRequest)
		}
	}
	return p, nil
}

// replyPage answers with the rows as the person may see them, and where the next
// page begins.
func replyPage[T any](w http.ResponseWriter, p page, rows []T, allowed client.List, key func(T) (id string, sorted any)) error {
	var next string
	if len(rows) > p.limit {
		rows = rows[:p.limit]
		id, sorted := key(rows[p.limit-1])
		text, err := json.Marshal(cursor{sorted, id})
		if err != nil {
			return err
		}
		next = base64.RawURLEncoding.EncodeToString(text)
	}
	shown := []map[string]any{}
	for _, row := range rows {
		id, _ := key(row)
		shown = append(shown, show(allowed.Decision, id, row))
	}
	return reply(w, http.StatusOK, map[string]any{"results": shown, "next": next})
}

// cell is a value in a CSV file, in which a spreadsheet finds no formula.
func cell(value any) string {
	if value == nil {
		return ""
	}
	text := fmt.Sprint(value)
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
