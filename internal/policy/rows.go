package policy

import (
	"errors"
	"slices"
	"strings"

	"rolegate/internal/policy/condition"
	"rolegate/model"
)

// Kind is the kind of a p row.
type Kind uint8

const (
	Grant       Kind = iota // p, allow or deny
	Restriction             // p2
	FieldRule               // p3
	Assurance               // p4
)

// kinds are the kinds as rows spell them, in the order of the constants.
var kinds = [...]string{"p", "p2", "p3", "p4"}

func (k Kind) String() string { return kinds[k] }

var rowKinds = map[string]Kind{"p": Grant, "p2": Restriction, "p3": FieldRule, "p4": Assurance}

// The columns of each kind of row after the kind itself, as crm.conf has them.
// A row with any other number is refused: Casbin would take it, and then either
// fail every request or read a missing effect as allow.
var columns = map[string][]string{
	"p":  {"subject", "object", "action", "scope", "condition", "effect"},
	"p2": {"subject", "object", "action", "condition", "effect"},
	"p3": {"subject", "object", "field", "access", "effect"},
	"p4": {"subject", "object", "action", "acr", "max_age", "effect"},
	"g":  {"member", "role"},
}

// Places of the columns in Row.Cells.
const (
	colSubject = 0
	colObject  = 1
	colAction  = 2
	colScope   = 3 // p
	colCond    = 4 // p
	colEffect  = 5 // p
	colLimit   = 3 // p2: its condition
	colField   = 2 // p3
	colAccess  = 3 // p3
	colVerdict = 4 // p3: its effect
	colACR     = 3 // p4
	colMaxAge  = 4 // p4
)

// condition is the condition column of the row, empty for rows without one.
func (r *Row) condition() string {
	switch r.Kind {
	case Grant:
		return r.Cells[colCond]
	case Restriction:
		return r.Cells[colLimit]
	}
	return ""
}

// Effects, exactly so: Casbin ignores any other spelling without a word.
const (
	allow = "allow"
	deny  = "deny"
)

// checkRow tells what is wrong with a row, kind first, or nil.
func checkRow(cells []cell) *badCell {
	kind := cells[0]
	names, known := columns[kind.text]
	if !known {
		return bad(kind, "unknown kind of row %s; there are p, p2, p3, p4 and g", shown(kind.text))
	}
	row := cells[1:]
	switch {
	case kind.text == "p2" && len(row) == len(names)-1:
		return &badCell{reason: model.Say("a p2 row must have a condition and end in deny: without deny it restricts nothing")}
	case len(row) < len(names):
		return &badCell{reason: model.Say("too few columns: %s has %d (%s), this row has %d",
			kind.text, len(names), strings.Join(names, ", "), len(row))}
	case len(row) > len(names):
		return bad(row[len(names)], "too many columns: %s has %d (%s), this row has %d",
			kind.text, len(names), strings.Join(names, ", "), len(row))
	case kind.text == "g":
		return checkLink(row)
	}
	if problem := checkTarget(row); problem != nil {
		return problem
	}
	switch kind.text {
	case "p":
		return checkGrant(row)
	case "p2":
		return checkRestriction(row)
	case "p3":
		return checkFieldRule(row)
	default:
		return checkAssuranceRule(row)
	}
}

// checkTarget checks the three columns all p kinds begin with: who, on what,
// doing what (or which field).
func checkTarget(row []cell) *badCell {
	if s := row[colSubject]; s.text != everything {
		if r := checkSubject(s.text); !r.IsZero() {
			return bad(s, "subject %s %s", shown(s.text), r)
		}
	}
	if r := checkNameOrAny(row[colObject].text); !r.IsZero() {
		return bad(row[colObject], "object %s %s", shown(row[colObject].text), r)
	}
	if r := checkNameOrAny(row[colAction].text); !r.IsZero() {
		return bad(row[colAction], "action or field %s %s", shown(row[colAction].text), r)
	}
	return nil
}

func checkGrant(row []cell) *badCell {
	if scope := row[colScope]; !isScope(scope.text) {
		return bad(scope, "unknown scope %s; there are %s", shown(scope.text), scopeHelp)
	}
	return checkEffect(row[colEffect])
}

func checkRestriction(row []cell) *badCell {
	limit, effect := row[colLimit], row[4]
	if limit.text == "" {
		return bad(limit, "a p2 row (restriction) without a condition is refused: it consists of its condition")
	}
	if effect.text != deny {
		return bad(effect, "a p2 row (restriction) must end in deny, not %s", shown(effect.text))
	}
	return nil
}

// checkCondition tells what is wrong with the condition of an otherwise good
// row, in the types the catalogue gives the row's object.
func checkCondition(cells []cell, cat *Catalog) *badCell {
	var c cell
	switch row := cells[1:]; cells[0].text {
	case "p":
		c = row[colCond]
	case "p2":
		c = row[colLimit]
	}
	if c.text == "" {
		return nil
	}
	_, err := compileCondition(c.text, cat.object(cells[1+colObject].text))
	var problem *condition.Error
	if errors.As(err, &problem) {
		return &badCell{c.columnOf(problem.Offset), problem.Reason}
	}
	if err != nil {
		return &badCell{c.column, model.PhraseOf(err)}
	}
	return nil
}

func checkFieldRule(row []cell) *badCell {
	subject, access, effect := row[colSubject], row[colAccess], row[colVerdict]
	if !slices.Contains(accesses, Access(access.text)) {
		return bad(access, "unknown access %s; there are read, update, create and unmask", shown(access.text))
	}
	if problem := checkEffect(effect); problem != nil {
		return problem
	}
	if subject.text == everything && effect.text == allow {
		return bad(subject, "a field cannot be allowed to *: give the row to a role; only denials may name everybody")
	}
	return nil
}

func checkAssuranceRule(row []cell) *badCell {
	acr, maxAge, effect := row[colACR], row[colMaxAge], row[5]
	if _, ok := parseACR(acr.text); !ok {
		return bad(acr, "acr %s is not 1 (password), 2 (password and one-time code) or 3 (phishing-resistant key)", shown(acr.text))
	}
	if _, _, ok := parseMaxAge(maxAge.text); !ok {
		return bad(maxAge, "max_age %s is not a whole number of seconds, nor empty for any age", shown(maxAge.text))
	}
	if effect.text != deny {
		return bad(effect, "a p4 row must end in deny, not %s: it says what is denied to the unproven", shown(effect.text))
	}
	return nil
}

func checkEffect(c cell) *badCell {
	switch {
	case c.text == allow || c.text == deny:
		return nil
	case c.text == "":
		return bad(c, "the effect is missing: allow or deny")
	}
	return bad(c, "the effect is %s, not allow or deny (in small letters)", shown(c.text))
}

// checkOffice keeps the offices out of documents: they are granted to people, by
// the directory's rules, neither inherited by a role nor handed out by a row.
func checkOffice(cells []cell) *badCell {
	if cells[0].text != "g" {
		return nil
	}
	member, role := cells[1], cells[2]
	office, _ := roleID(role.text)
	if !model.IsOffice(office) {
		return nil
	}
	if _, isRole := roleID(member.text); isRole {
		return bad(role, "%s would inherit the office %s; offices are held by users themselves", member.text, office)
	}
	return bad(role, "%s is an office; grant it with `rolegate role assign`", office)
}

func checkLink(row []cell) *badCell {
	member, role := row[0], row[1]
	if member.text == everything {
		return bad(member, "a role cannot be given to *: assign it to subjects or teams")
	}
	if r := checkSubject(member.text); !r.IsZero() {
		return bad(member, "member %s %s", shown(member.text), r)
	}
	if r := checkSubject(role.text); !r.IsZero() {
		return bad(role, "role %s %s", shown(role.text), r)
	}
	if _, isRole := roleID(role.text); !isRole {
		return bad(role, "%s is not a role: g gives roles, spelled role:id", shown(role.text))
	}
	return nil
}
