package main

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"rolegate/api/client"
	"rolegate/api/filter"
)

// contact is a row of contacts. Its JSON is what people see, once Decision.Show
// has been over it, and what Rolegate is told about the record: so a check of one
// contact and the filter of the list look at the same values.
type contact struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	Title     string `json:"title"`
	Owner     string `json:"owner"`
	Assignees list   `json:"assignees"`
	Teams     list   `json:"teams"`
	CreatedAt string `json:"created_at"`

	version int64 // of the row: a change is only made to what was looked at
}

// deal is a row of deals.
type deal struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Stage     string `json:"stage"`
	Amount    int64  `json:"amount"`
	Margin    int64  `json:"margin"`
	Contact   string `json:"contact"`
	Owner     string `json:"owner"`
	Assignees list   `json:"assignees"`
	Teams     list   `json:"teams"`
	CreatedAt string `json:"created_at"`
}

// contactColumns and dealColumns say where a list finds each field of the
// catalogue. A policy row about a field that is not here is an error when a list
// is asked for, and never a longer list.
var contactColumns = map[string]filter.Column{
	"id":         {Name: "contacts.id", Type: filter.Text},
	"name":       {Name: "contacts.name", Type: filter.Text},
	"email":      {Name: "contacts.email", Type: filter.Text},
	"phone":      {Name: "contacts.phone", Type: filter.Text},
	"title":      {Name: "contacts.title", Type: filter.Text},
	"owner":      {Name: "contacts.owner", Type: filter.Text},
	"assignees":  {Name: "contacts.assignees", Type: filter.JSON},
	"teams":      {Name: "contacts.teams", Type: filter.JSON},
	"created_at": {Name: "contacts.created_at", Type: filter.Text},
}

var dealColumns = map[string]filter.Column{
	"id":         {Name: "deals.id", Type: filter.Text},
	"title":      {Name: "deals.title", Type: filter.Text},
	"stage":      {Name: "deals.stage", Type: filter.Text},
	"amount":     {Name: "deals.amount", Type: filter.Int},
	"margin":     {Name: "deals.margin", Type: filter.Int},
	"contact":    {Name: "deals.contact", Type: filter.Text},
	"owner":      {Name: "deals.owner", Type: filter.Text},
	"assignees":  {Name: "deals.assignees", Type: filter.JSON},
	"teams":      {Name: "deals.teams", Type: filter.JSON},
	"created_at": {Name: "deals.created_at", Type: filter.Text},
}

// facts is a record as Rolegate is told of it: all but its id, which is sent apart.
func facts(record any) map[string]any {
	m, err := client.Facts(record)
	if err != nil {
		panic(err) // our own structs
	}
	delete(m, "id")
	return m
}

// show is a record as the person may see it.
func show(d client.Decision, id string, record any) map[string]any {
	m := d.Show(facts(record))
	m["id"] = id
	return m
}

// list is a list of texts in a column of JSON.
type list []string

// Value implements driver.Valuer: an empty list is one, and not NULL.
func (l list) Value() (driver.Value, error) {
	if l == nil {
		return "[]", nil
	}
	text, err := json.Marshal(l)
	return string(text), err
}

// Scan implements sql.Scanner.
func (l *list) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("a list in a column of %T", column)
	}
	return json.Unmarshal([]byte(text), l)
}

// MarshalJSON writes an empty list as [], as Value does: what Rolegate is told of
// a record is what the column says.
func (l list) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]string(l))
}
