package condition

import "time"

// Facts is what a condition sees. Values are JSON as decoded: nil, bool,
// float64, string, []any, map[string]any. A condition never changes them.
type Facts struct {
	Record Attributes // record.NAME; record.id is the resource's id. nil: nothing is sent
	User   Attributes // user.NAME, beyond the four below. nil: nothing is sent

	UserID string   // user.id, bare
	Roles  []string // user.roles, spelled role:lead; all effective ones
	Teams  []string // user.teams, bare
	Unit   string   // user.unit, bare; "" is known to be none

	Action  map[string]any // action.NAME; missing is not sent
	Context map[string]any // request.context.NAME; missing is not sent

	IP      string        // request.ip; "" is not sent
	Time    time.Time     // request.time
	ACR     int           // request.acr: 0 to 3
	HasAuth bool          // the person's token is there; without it AMR and AuthAge are unknown
	AMR     []string      // request.amr
	AuthAge time.Duration // request.auth_age, in seconds
	Client  string        // request.client; "" is not known

	// Fixed are attributes that, whatever the record, have these values: what an
	// update would make of them. record.id is never one.
	Fixed map[string]any

	// Below tells whether a unit is root or lies below it. Neither is "".
	Below func(unit, root string) bool
	// Units lists root and what lies below it; cut says that they are too many to be
	// listed. Only filters need it.
	Units func(root string) (ids []string, cut bool)
}

// Attributes are the attributes of a record or a user.
type Attributes interface {
	// Attribute returns a value and whether it is known: sent, or stored. A nil
	// value that was sent is null. It is called once for each place that names
	// the attribute, and must not allocate where speed matters.
	Attribute(name string) (value any, sent bool)
}
