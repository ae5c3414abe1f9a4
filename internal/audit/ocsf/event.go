package ocsf

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"

	"rolegate/internal/audit"
	"rolegate/model"
)

// Maker makes events. Its zero value is of no product.
type Maker struct {
	Version string // of Rolegate
	Issuer  string // tells installations apart
}

// logName is metadata.log_name.
const logName = "audit"

// profileControl and profileHost bring attributes into classes that have them not.
const (
	profileControl = "security_control" // action_id and disposition_id
	profileHost    = "host"             // actor
)

// Event is the event of an entry. revealed is what audit.Log.Reveal found, nil
// where no name is to go out.
func (mk Maker) Event(index int64, leaf audit.Leaf, hash []byte, revealed []map[string]any) Event {
	b := builder{leaf: &leaf, revealed: revealed, mapping: mapping(&leaf)}
	m := b.mapping
	e := Event{
		ActivityID: m.Activity, CategoryUID: m.Class.category(), ClassUID: m.Class, TypeUID: int(m.Class)*100 + m.Activity,
		Time: leaf.Time / 1000, SeverityID: b.severity(), StatusID: b.status(), StatusCode: string(leaf.Code),
		Metadata: mk.metadata(index, string(leaf.Activity)), Unmapped: b.unmapped(hash),
	}
	e.Metadata.TenantUID, e.Metadata.CorrelationUID = hex.EncodeToString(leaf.Tenant), leaf.Request
	if m.Activity == other {
		e.ActivityName = string(leaf.Activity)
		if leaf.Activity == audit.Evaluated && leaf.Op != "" {
			e.ActivityName = leaf.Op
		}
	}
	if leaf.Counts() {
		e.Count, e.StartTime, e.EndTime = leaf.Count, leaf.Since/1000, e.Time
	}
	if m.Class == BaseEvent {
		return e
	}
	e.Actor = b.actor()
	b.fill(&e, mk)
	return e
}

// Unreadable is the event of an entry that this build cannot read: one of a newer
// release, or damaged. All there is of it goes along. at is Unix milliseconds.
func (mk Maker) Unreadable(index int64, leaf, hash []byte, at int64) Event {
	const code = "unreadable"
	return Event{
		ActivityID: other, ActivityName: code, TypeUID: other, Time: at, SeverityID: high, Metadata: mk.metadata(index, code),
		Unmapped: &Unmapped{LeafHash: hex.EncodeToString(hash), Leaf: leaf},
	}
}

func (mk Maker) metadata(index int64, code string) Metadata {
	return Metadata{
		Version: SchemaVersion, Product: Product{Name: "Rolegate", VendorName: "Rolegate", Version: mk.Version, UID: mk.Issuer},
		UID: strconv.FormatInt(index, 10), EventCode: code, LogName: logName,
	}
}

// builder gathers what the attributes of one entry's event are made of.
type builder struct {
	leaf     *audit.Leaf
	revealed []map[string]any
	mapping  Mapping
}

// fill adds what the event's class has beside the base event.
func (b builder) fill(e *Event, mk Maker) {
	b.origin(e)
	switch b.mapping.Class {
	case Authentication:
		e.User, e.Service = b.user(), &Named{Name: "Rolegate", UID: mk.Issuer, Version: mk.Version}
		if b.leaf.Level > 0 {
			mfa := b.leaf.Level >= 2
			e.IsMFA = &mfa
		}
	case AccountChange:
		e.User = b.user()
	case UserAccess:
		e.User, e.Privileges = b.user(), b.leaf.Roles
		if len(e.Privileges) == 0 {
			e.Privileges = []string{"unknown"}
		}
	case EntityManagement:
		e.Entity = b.entity()
	case ApplicationLifecycle:
		e.App = &Named{Name: "Rolegate", UID: mk.Issuer, Version: mk.Version}
		e.SrcEndpoint, e.HTTPRequest = nil, nil
		e.Metadata.Profiles = append(e.Metadata.Profiles, profileHost)
	case ApplicationError:
		e.SrcEndpoint, e.HTTPRequest = nil, nil
		e.Metadata.Profiles = append(e.Metadata.Profiles, profileHost)
	case APIActivity:
		e.API = &API{Operation: b.operation()}
		if b.leaf.Request != "" {
			e.API.Request = &APIRequest{UID: b.leaf.Request}
		}
		e.Resources = b.resources()
		b.control(e)
	case WebResources:
		e.Metadata.Profiles = append(e.Metadata.Profiles, profileHost)
		for _, r := range b.resources() {
			e.WebResources = append(e.WebResources, WebResource(r))
		}
		b.control(e)
	}
}

// control says of a decision what it was.
func (b builder) control(e *Event) {
	switch b.leaf.Outcome {
	case audit.OutcomeAllow:
		e.ActionID, e.DispositionID = 1, 1 // allowed
	case audit.OutcomeDeny:
		e.ActionID, e.DispositionID = 2, 2 // denied, blocked
	default:
		return
	}
	e.Metadata.Profiles = append(e.Metadata.Profiles, profileControl)
}

func (b builder) severity() int {
	s := b.mapping.Severity
	if b.leaf.Outcome == audit.OutcomeDeny || b.leaf.Outcome == audit.OutcomeError {
		s = max(s, low)
	}
	if b.leaf.Class == audit.ClassBreakGlass {
		s = max(s, medium)
	}
	return s
}

func (b builder) status() int {
	switch b.leaf.Outcome {
	case audit.OutcomeOK, audit.OutcomeAllow:
		return 1 // success
	case audit.OutcomeDeny, audit.OutcomeError:
		return 2 // failure
	}
	return 0
}

func (b builder) operation() string {
	if b.leaf.Op != "" {
		return b.leaf.Op
	}
	return string(b.leaf.Activity)
}

// personal tells whether the caller is a person, who then has a segment.
func (b builder) personal() bool {
	return b.leaf.Actor == string(model.CallerUser) || b.leaf.Actor == string(model.CallerOperator)
}

// decision tells whether the entry's first segment is the subject that was asked
// about, who is the actor in the CRM: the client only asks.
func (b builder) decision() bool {
	return b.leaf.Class == audit.ClassDecision && b.leaf.Activity != audit.EvaluatedBatch && b.leaf.Activity != audit.RequestFailed
}

// actor is who did it. Of an act of one person on another the second segment is
// the actor's (see audit.Entry).
func (b builder) actor() *Actor {
	a := &Actor{AppName: b.client()}
	switch {
	case b.decision():
		a.User = b.segment(0, 1)
		a.Authorizations = b.authorizations()
	case b.personal():
		a.User = b.segment(min(1, len(b.leaf.Segments)-1), callerTypes[b.leaf.Actor])
	case a.AppName != "":
		a.User = &User{UID: a.AppName, TypeID: callerTypes[string(model.CallerClient)]}
	case b.leaf.Actor == string(model.CallerSystem):
		a.AppName = "Rolegate"
	}
	if a.User == nil && a.AppName == "" {
		a.User = &User{Name: b.leaf.Actor, TypeID: callerTypes[b.leaf.Actor]}
	}
	if a.User != nil && b.decision() {
		for _, r := range b.leaf.Roles {
			a.User.Groups = append(a.User.Groups, Named{Name: r})
		}
	}
	return a
}

// client is the client that asked. Of an act on a client Leaf.Service is that one,
// and of the system's something of its own.
func (b builder) client() string {
	if b.mapping.Entity == "client" || b.leaf.Actor == string(model.CallerSystem) {
		return ""
	}
	return b.leaf.Service
}

// callerTypes are the schema's user types.
var callerTypes = map[string]int{
	string(model.CallerUser): 1, string(model.CallerOperator): 2, string(model.CallerSystem): 3, string(model.CallerClient): 4,
}

func (b builder) authorizations() []Authorization {
	if b.leaf.Outcome != audit.OutcomeAllow && b.leaf.Outcome != audit.OutcomeDeny {
		return nil
	}
	a := Authorization{Decision: string(b.leaf.Outcome)}
	if len(b.leaf.PolicyHash) > 0 || b.leaf.Rule != "" {
		a.Policy = b.policy()
	}
	return []Authorization{a}
}

func (b builder) policy() *Policy {
	p := &Policy{UID: hex.EncodeToString(b.leaf.PolicyHash), Name: b.leaf.Rule}
	if b.leaf.Revision > 0 {
		p.Version = strconv.FormatInt(b.leaf.Revision, 10)
	}
	if p.UID == "" && p.Name == "" {
		p.Name = string(policyEntity)
	}
	return p
}

// user is whom it was done to: the person of the first segment, or the client.
func (b builder) user() *User {
	if b.mapping.Client && b.leaf.Service != "" {
		return &User{UID: b.leaf.Service, TypeID: callerTypes[string(model.CallerClient)]}
	}
	if u := b.segment(0, 1); u != nil {
		return u
	}
	return &User{Name: "unknown"}
}

// segment is the person of a segment; nil where there is none.
func (b builder) segment(i, typeID int) *User {
	if i < 0 || i >= len(b.leaf.Segments) {
		return nil
	}
	u := &User{UID: hex.EncodeToString(b.leaf.Segments[i].Ref), TypeID: typeID}
	for _, key := range []string{"person", "subject", "caller", "username", "client_id"} {
		if u.Name = b.text(i, key); u.Name != "" {
			break
		}
	}
	return u
}

// text is a revealed value that is a text, else "".
func (b builder) text(i int, key string) string {
	if i >= len(b.revealed) {
		return ""
	}
	s, _ := b.revealed[i][key].(string)
	return s
}

// anywhere is the first text of that name.
func (b builder) anywhere(key string) string {
	for i := range b.revealed {
		if s := b.text(i, key); s != "" {
			return s
		}
	}
	return ""
}

// origin says where the request came from.
func (b builder) origin(e *Event) {
	e.SrcEndpoint = &Endpoint{SvcName: b.client()}
	if ip, err := netip.ParseAddr(b.anywhere("address")); err == nil {
		e.SrcEndpoint.IP = ip.String()
	}
	if e.SrcEndpoint.SvcName == "" && e.SrcEndpoint.IP == "" {
		e.SrcEndpoint.Name = b.leaf.Actor
	}
	if agent := b.anywhere("agent"); agent != "" {
		e.HTTPRequest = &HTTPRequest{UserAgent: agent}
	}
}

// resources are the records asked about; of a batch, the types of them.
func (b builder) resources() []Resource {
	types := []string{b.leaf.Object}
	for _, i := range b.leaf.Items {
		types = append(types, i.Object)
	}
	slices.Sort(types)
	var rs []Resource
	for _, t := range slices.Compact(types) {
		if t != "" {
			rs = append(rs, Resource{Name: t, Type: t})
		}
	}
	if id := b.anywhere("resource"); id != "" && len(rs) == 1 {
		rs[0].UID = id
	}
	if len(rs) == 0 && b.mapping.Class == WebResources { // which requires one
		rs = []Resource{{Name: "unknown", Type: "unknown"}}
	}
	return rs
}

func (b builder) entity() *Entity {
	kind := b.mapping.Entity
	e := &Entity{Type: string(kind), TypeID: typeIDs[kind]}
	if e.TypeID == 0 {
		e.TypeID = other
	}
	switch kind {
	case userEntity:
		if u := b.segment(0, 1); u != nil && (len(b.leaf.Segments) > 1 || !b.personal()) {
			e.User = u
			return e
		}
	case tenantEntity:
		e.Org = &Named{Name: "tenant", UID: hex.EncodeToString(b.leaf.Tenant)}
		return e
	case policyEntity:
		e.Policy = b.policy()
		return e
	case groupEntity:
		e.Group = &Named{Name: "team", UID: b.anywhere("id")}
		return e
	case "client":
		e.UID = b.leaf.Service
	case "signing_key":
		e.UID = b.leaf.Op
	case "audit_sink":
		e.UID = b.leaf.Op
	case "role":
		if len(b.leaf.Roles) > 0 {
			e.UID = b.leaf.Roles[0]
		}
	case "resource", "unit", "territory":
		if e.UID = b.anywhere("resource"); e.UID == "" {
			e.UID = b.anywhere("id")
		}
	}
	e.Name = string(kind)
	return e
}

func (b builder) unmapped(hash []byte) *Unmapped {
	l := b.leaf
	u := &Unmapped{
		LeafHash: hex.EncodeToString(hash), Class: string(l.Class), Outcome: string(l.Outcome), Actor: l.Actor, Service: l.Service,
		Object: l.Object, Op: l.Op, Rule: l.Rule, Roles: l.Roles, PolicyHash: hex.EncodeToString(l.PolicyHash),
		PrevPolicy: hex.EncodeToString(l.PrevPolicy), Revision: l.Revision, Level: l.Level, Age: l.Age, Count: l.Count, Since: l.Since / 1000,
		Source: hex.EncodeToString(l.Source), Seq: l.Seq,
	}
	for _, i := range l.Items {
		u.Items = append(u.Items, Item{string(i.Outcome), string(i.Code), i.Object, i.Op, i.Rule})
	}
	if l.Act != nil {
		u.Act = string(l.Act.Kind)
	}
	for _, s := range l.Segments {
		u.People = append(u.People, hex.EncodeToString(s.Ref))
	}
	if slices.ContainsFunc(b.revealed, func(m map[string]any) bool { return m != nil }) {
		u.Personal = b.revealed
	}
	return u
}
