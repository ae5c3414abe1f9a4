package model

import "slices"

// Permissions are what a subject may do at all, object by object: what a user
// interface shows and hides. Objects and actions that are not listed are never
// allowed. Each is the answer to a question without a record.
type Permissions struct {
	Subject  string                       `json:"subject"` // "type:id"
	Code     Code                         `json:"code"`    // ReasonAllowed, or what closes everything
	Objects  map[string]ObjectPermissions `json:"objects"`
	Revision int64                        `json:"revision"`
}

// ObjectPermissions are the permissions on one kind of record.
type ObjectPermissions struct {
	Actions map[string]ActionPermission `json:"actions"`
	Fields  FieldPermissions            `json:"fields"`
}

// ActionPermission is what a subject may do at all.
type ActionPermission struct {
	Kind     PermissionKind `json:"kind"`
	Code     Code           `json:"code"`                      // as an evaluation without a record answers it
	Required string         `json:"required_action,omitempty"` // of ReasonRequiredAction
	StepUp   *Needed        `json:"step_up,omitempty"`         // what the person has to prove first
}

// PermissionKind says which records an action reaches, proof of identity aside;
// it is the kind of the list filter, but for shares: those live on a record, and
// whoever has nothing else is never permitted here and may still find some.
type PermissionKind string

const (
	PermittedNever         PermissionKind = "never"       // none
	PermittedAlways        PermissionKind = "always"      // every one, whatever its attributes
	PermittedConditionally PermissionKind = "conditional" // it depends on the record
)

// FieldPermissions are the fields a subject may access on the records it reaches.
// "*" stands for all fields that are not in Named, where the catalogue lists none.
type FieldPermissions struct {
	Readable  []string          `json:"readable"`  // also those that show masked
	Writable  []string          `json:"writable"`  // by update
	Creatable []string          `json:"creatable"` // by create
	Masked    map[string]string `json:"masked"`    // readable, and shown in this mask style

	// Named are the fields that rows or the catalogue name, each of which is in a list
	// or is closed; nothing where the catalogue lists all that there are.
	Named []string `json:"named,omitempty"`
}

// Besides are the fields for which the "*" of a list does not stand.
func (p FieldPermissions) Besides(list []string) (closed []string) {
	if !slices.Contains(list, "*") {
		return nil
	}
	for _, name := range p.Named {
		if !slices.Contains(list, name) {
			closed = append(closed, name)
		}
	}
	return closed
}
