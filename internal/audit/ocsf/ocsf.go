// Package ocsf says what the log's entries are in the Open Cybersecurity Schema
// Framework, the words that SIEMs know: each entry is one event of one class.
//
//	leaf ──▶ table: class, activity, severity ──▶ Event ──▶ JSON
//	what was revealed of it, where names go out ──┘
//
// Without what was revealed an event holds what the leaf holds: no name, no id of
// a person or record, no address; a person is the pseudonym of a segment. What the
// schema has no attribute for is in Event.Unmapped.
package ocsf

// SchemaVersion is the version of the schema the events are of
// (https://github.com/ocsf/ocsf-schema). A test holds every class that is used to
// its text.
const SchemaVersion = "1.8.0"

// Event is one event. Its attributes are those of the schema that we fill; the
// zero value of an optional one is left out.
type Event struct {
	ActivityID   int      `json:"activity_id"`
	ActivityName string   `json:"activity_name,omitempty"` // where ActivityID is 99
	CategoryUID  int      `json:"category_uid"`
	ClassUID     Class    `json:"class_uid"`
	TypeUID      int      `json:"type_uid"`             // class_uid * 100 + activity_id
	Time         int64    `json:"time"`                 // Unix milliseconds
	Count        int64    `json:"count,omitempty"`      // of a flood: so many denials, from StartTime to EndTime
	StartTime    int64    `json:"start_time,omitempty"` // Unix milliseconds
	EndTime      int64    `json:"end_time,omitempty"`   // likewise
	SeverityID   int      `json:"severity_id"`
	StatusID     int      `json:"status_id"`
	StatusCode   string   `json:"status_code,omitempty"` // reason code
	Metadata     Metadata `json:"metadata"`

	ActionID      int           `json:"action_id,omitempty"`      // decisions: profile security_control
	DispositionID int           `json:"disposition_id,omitempty"` // likewise
	Actor         *Actor        `json:"actor,omitempty"`          // who did it
	User          *User         `json:"user,omitempty"`           // whom it was done to
	SrcEndpoint   *Endpoint     `json:"src_endpoint,omitempty"`
	HTTPRequest   *HTTPRequest  `json:"http_request,omitempty"`
	API           *API          `json:"api,omitempty"`
	Service       *Named        `json:"service,omitempty"`
	App           *Named        `json:"app,omitempty"`
	IsMFA         *bool         `json:"is_mfa,omitempty"`
	Entity        *Entity       `json:"entity,omitempty"`
	Privileges    []string      `json:"privileges,omitempty"`
	Resources     []Resource    `json:"resources,omitempty"`
	WebResources  []WebResource `json:"web_resources,omitempty"`

	Unmapped *Unmapped `json:"unmapped"`
}

// Metadata says where the event is from.
type Metadata struct {
	Version        string   `json:"version"` // of the schema
	Product        Product  `json:"product"`
	Profiles       []string `json:"profiles,omitempty"`
	UID            string   `json:"uid"` // index of the entry
	EventCode      string   `json:"event_code"`
	TenantUID      string   `json:"tenant_uid,omitempty"`      // the tenant's ref, hex
	CorrelationUID string   `json:"correlation_uid,omitempty"` // trace id of the request
	LogName        string   `json:"log_name"`
}

// Product is what the events are from.
type Product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version,omitempty"`
	UID        string `json:"uid,omitempty"` // of the installation: its issuer
}

// Actor is who did it: a person, by themselves or through a client; a client; or
// Rolegate itself.
type Actor struct {
	User           *User           `json:"user,omitempty"`
	AppName        string          `json:"app_name,omitempty"`
	Authorizations []Authorization `json:"authorizations,omitempty"`
}

// User is a person or a client.
type User struct {
	UID    string  `json:"uid,omitempty"`  // a person's pseudonym, hex; a client's id
	Name   string  `json:"name,omitempty"` // a person's id, where names go out
	TypeID int     `json:"type_id"`
	Groups []Named `json:"groups,omitempty"` // roles that decided
}

// Authorization is what was decided and by which row of which policy.
type Authorization struct {
	Decision string  `json:"decision"`
	Policy   *Policy `json:"policy,omitempty"`
}

// Policy is a tenant's policy document.
type Policy struct {
	UID     string `json:"uid,omitempty"`     // hash, hex
	Name    string `json:"name,omitempty"`    // the matched row
	Version string `json:"version,omitempty"` // revision
}

// Endpoint is where a request came from: the address where names go out, and else
// what asked.
type Endpoint struct {
	IP      string `json:"ip,omitempty"`
	Name    string `json:"name,omitempty"`
	SvcName string `json:"svc_name,omitempty"`
}

// HTTPRequest is filled where names go out.
type HTTPRequest struct {
	UserAgent string `json:"user_agent"`
}

// API is what was asked for.
type API struct {
	Operation string      `json:"operation"`
	Request   *APIRequest `json:"request,omitempty"`
}

// APIRequest tells requests apart.
type APIRequest struct {
	UID string `json:"uid"` // trace id
}

// Named is an object of the schema of which we fill name, uid and version.
type Named struct {
	Name    string `json:"name,omitempty"`
	UID     string `json:"uid,omitempty"`
	Version string `json:"version,omitempty"`
}

// Entity is what an administrative act was about.
type Entity struct {
	Name   string  `json:"name,omitempty"`
	UID    string  `json:"uid,omitempty"`
	Type   string  `json:"type"`
	TypeID int     `json:"type_id"`
	User   *User   `json:"user,omitempty"`
	Group  *Named  `json:"group,omitempty"`
	Org    *Named  `json:"org,omitempty"`
	Policy *Policy `json:"policy,omitempty"`
}

// Resource is a record of the CRM, by its type alone unless names go out.
type Resource struct {
	Name string `json:"name"` // type
	Type string `json:"type"` // likewise
	UID  string `json:"uid,omitempty"`
}

// WebResource is the same for the class that knows exports.
type WebResource Resource

// Unmapped is the rest of the leaf, in its own words.
type Unmapped struct {
	LeafHash   string   `json:"leaf_hash"` // hex; as the receipt of the request had it
	Class      string   `json:"class"`
	Outcome    string   `json:"outcome"`
	Actor      string   `json:"actor"` // kind of the caller
	Service    string   `json:"service,omitempty"`
	Object     string   `json:"object,omitempty"`
	Op         string   `json:"op,omitempty"`
	Rule       string   `json:"rule,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	PolicyHash string   `json:"policy_hash,omitempty"`
	PrevPolicy string   `json:"prev_policy,omitempty"`
	Revision   int64    `json:"revision,omitempty"`
	Level      int      `json:"level,omitempty"`
	Age        int64    `json:"age,omitempty"`
	Count      int64    `json:"count,omitempty"`
	Since      int64    `json:"since,omitempty"` // milliseconds, as times are in OCSF; see audit.Leaf
	Items      []Item   `json:"items,omitempty"`
	Act        string   `json:"act,omitempty"`
	Source     string   `json:"source"`
	Seq        int64    `json:"seq"`

	// People are the pseudonyms of the entry's segments in their order, and
	// Personal what each holds, where names go out and it could be opened.
	People   []string         `json:"people,omitempty"`
	Personal []map[string]any `json:"personal,omitempty"`

	// Leaf is all there is of an entry this build cannot read: its bytes.
	Leaf []byte `json:"leaf,omitempty"`
}

// Item is one member of a batch.
type Item struct {
	Outcome string `json:"outcome"`
	Code    string `json:"code,omitempty"`
	Object  string `json:"object,omitempty"`
	Op      string `json:"op,omitempty"`
	Rule    string `json:"rule,omitempty"`
}
