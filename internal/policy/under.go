package policy

// Under is the view of the same people and records under another document, for
// asking what that would change. It is nobody's policy in force: do not answer
// requests by it. A condition that does not suit the catalogue is refused with
// CodePolicyInvalid.
func (v *View) Under(doc *Document) (*View, error) {
	rules, err := compile(doc, v.rules.catalog, toPublish)
	if err != nil {
		return nil, err
	}
	return newView(&Snapshot{v.tenant, rules, v.people}, v.records), nil
}
