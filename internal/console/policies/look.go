package policies

import "rolegate/internal/policy"

// What templates ask of a desk beside its fields.

// Whole tells whether all rows are good.
func (d *desk) Whole() bool { return d.whole() }

// Subjects, Objects and Actions are what forms offer.
func (d *desk) Subjects() []string {
	if !d.whole() {
		return nil
	}
	return d.subjects
}

// Objects are those of the catalogue and of rows.
func (d *desk) Objects() []string {
	if !d.whole() {
		return nil
	}
	return d.objects
}

// Actions are those of an object, or all there are.
func (d *desk) Actions(object string) []string {
	if !d.whole() {
		return nil
	}
	if d.catalog.Objects[object] != nil {
		return d.actions([]string{object})
	}
	return d.actions(d.objects)
}

// Accounted are the types of an object's fields, for who writes a condition.
func (d *desk) Accounted(object string) map[string]policy.Field {
	if entry := d.Vocabulary.Catalog.Objects[object]; entry != nil {
		return entry.Fields
	}
	return nil
}

// To is an address on the desk.
func (d *desk) To(path string, pairs ...string) string { return d.to(path, pairs...) }

// About is where everything that bears on an access is.
func (d *desk) About(subject, object, action string) string {
	return d.to("/cell", "role", subject, "object", object, "action", action)
}

// Example is a condition that shows how one is written; its text says what for.
type Example struct{ Condition, Text string }

// Examples are conditions to begin with.
func (d *desk) Examples() []Example { return examples }

var examples = []Example{
	{`record.amount <= 100000`, "example.amount"},
	{`record.stage != 'won'`, "example.stage"},
	{`record.region in user.regions`, "example.region"},
	{`record.owner == user.id || user.id in record.assignees`, "example.people"},
	{`record.tags.exists(t, t in ['vip', 'press'])`, "example.tags"},
	{`below(record.unit, user.unit)`, "example.unit"},
	{`'role:admin' in user.roles || record.stage != 'secret'`, "example.spared"},
	{`inCIDR(request.ip, '10.0.0.0/8')`, "example.ip"},
	{`request.time.getHours('Asia/Shanghai') >= 9 && request.time.getHours('Asia/Shanghai') < 18`, "example.hours"},
	{`record.created_at > request.time - duration('24h')`, "example.recent"},
}
