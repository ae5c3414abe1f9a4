package server_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"rolegate/api/filter"
)

const dealCatalog = `
objects:
  deal:
    actions: {read: {}, export: {requires: [read]}}
    fields:
      owner: {type: ref}
      stage: {type: string}
      amount: {type: number}
      margin: {type: number, secured: true}
`

const dealPolicy = `p, role:rep, deal, read, own, , allow
p, role:lead, deal, read, subtree, , allow
p, role:lead, deal, export, all, record.amount < 1000, allow
p, *, deal, read, unassigned, , allow
p, *, deal, read, created, record.stage.startsWith('x'), deny
p2, *, deal, read, record.stage != 'secret', deny
p4, role:lead, deal, export, 2, 300, deny
p, role:all, deal, read, all, , allow
`

const dealDirectory = `{"roles": ["rep", "lead", "all"],
 "subjects": [{"type": "user", "id": "ann", "manager": "bob"}, {"type": "user", "id": "bob"}, {"type": "user", "id": "cyd"}],
 "assignments": [{"member": "ann", "role": "rep"}, {"member": "bob", "role": "lead"}, {"member": "cyd", "role": "all"}]}`

// The whole way: what the service answers, over a real table with hostile rows, is
// what it decides about each of them.
func TestFilteredListIsWhatChecksAllow(t *testing.T) {
	p := newPEP(t, dealCatalog, dealPolicy, dealDirectory)
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE deals (id TEXT, owner TEXT, maker TEXT, stage TEXT, amount REAL)"); err != nil {
		t.Fatal(err)
	}
	rows := map[string]object{}
	for _, owner := range []any{nil, "", "ann", "user:ann", "ANN", "ann ", "bob", "user:", "cyd"} {
		for _, stage := range []any{nil, "", "open", "secret", "Secret", "x%"} {
			for _, maker := range []any{nil, "ann", "user:bob"} {
				id := fmt.Sprint(len(rows) + 1)
				rows[id] = object{"owner": owner, "created_by": maker, "stage": stage, "amount": float64(len(rows) * 10)}
				if _, err := db.Exec("INSERT INTO deals VALUES (?, ?, ?, ?, ?)", id, owner, maker, stage, rows[id]["amount"]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	columns := object{"id": object{"name": "id", "type": "text"}, "owner": object{"name": "owner", "type": "text"}, "created_by": object{"name": "maker", "type": "text"},
		"stage": object{"name": "stage", "type": "text"}, "amount": object{"name": "amount", "type": "float"}}
	if _, err := db.Exec("ALTER TABLE deals ADD COLUMN assignees TEXT"); err != nil {
		t.Fatal(err)
	}
	columns["assignees"] = object{"name": "assignees", "type": "json"}
	if _, err := db.Exec("CREATE VIEW plain AS SELECT id, owner, maker AS created_by, stage, amount, assignees FROM deals"); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, who := range []string{"ann", "bob", "cyd", "eve"} {
		for _, what := range []string{"read", "export"} {
			a := p.Post("/v1/filter", p.token, object{"subject": entity("user", who), "action": action(what), "resource": object{"type": "deal"}, "dialect": "sqlite", "columns": columns})
			p.Want(a, 200)
			var got struct {
				filter.Filter
				SQL    string
				Params []any
			}
			if err := json.Unmarshal(a.Raw, &got); err != nil {
				t.Fatal(err)
			}
			kinds[string(got.Kind)]++
			listed := idsOf(t, db, "deals", got.SQL, got.Params)
			named := p.Post("/v1/filter", p.token, object{"subject": entity("user", who), "action": action(what), "resource": object{"type": "deal"}, "dialect": "sqlite"})
			p.Want(named, 200)
			if ids := idsOf(t, db, "plain", named.Body["sql"].(string), named.Body["params"].([]any)); !slices.Equal(ids, listed) {
				t.Errorf("%s, %s without columns: %d records, with them %d\n%s", who, what, len(ids), len(listed), named.Raw)
			}
			var questions []object
			var ids []string
			for id, row := range rows {
				row["assignees"] = nil
				ids = append(ids, id)
				questions = append(questions, question(entity("user", who), action(what), object{"type": "deal", "id": id, "properties": row}))
			}
			allowed := 0
			for i, decision := range p.decideAll(questions) {
				if decision {
					allowed++
				}
				if slices.Contains(listed, ids[i]) != decision {
					t.Errorf("%s, %s of %v: allowed %v, listed %v\n%s", who, what, rows[ids[i]], decision, !decision, got.SQL)
				}
				row := rows[ids[i]]
				if passes, err := got.Passes(func(field string) (any, bool) { v, ok := row[field]; return v, ok }); passes != decision || err != nil {
					t.Errorf("%s, %s of %v: allowed %v, the expression lets it through: %v, %v", who, what, row, decision, passes, err)
				}
			}
			t.Log(who, what, got.Kind, allowed, "of", len(rows))
		}
	}
	if kinds["never"] == 0 || kinds["conditional"] == 0 {
		t.Errorf("kinds %v", kinds)
	}
	never := p.Post("/v1/filter", p.token, object{"subject": entity("user", "bob"), "action": action("export"), "resource": object{"type": "deal"}, "dialect": "sqlite"})
	p.Want(never, 200, "kind", "never", "sql", "FALSE")
	if c := never.Body["context"].(object); c["code"] != "insufficient_user_authentication" || c["acr_values"] != "2" {
		t.Errorf("%s", never.Raw)
	}
	p.Want(p.Post("/v1/filter", p.token, object{"subject": entity("user", "ann"), "action": action("read", "sort_fields", []string{"margin"}), "resource": object{"type": "deal"}}), 200, "kind", "never")
	p.Want(p.Post("/v1/filter", p.token, object{"subject": entity("user", "ann"), "action": action("read"), "resource": object{"type": "deal"}, "dialect": "sqlite", "columns": object{}}), 422, "code", "filter_inexpressible")
	p.Want(p.Post("/v1/filter", "", object{}), 401)
}

// idsOf lists what of a table a condition lets through.
func idsOf(t *testing.T, db *sql.DB, table, where string, params []any) (ids []string) {
	t.Helper()
	found, err := db.Query("SELECT id FROM "+table+" WHERE ("+where+") ORDER BY id", params...)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}
