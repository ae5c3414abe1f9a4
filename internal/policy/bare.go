package policy

import "rolegate/model"

// Bare is a document's view of a tenant in which nobody and nothing is registered:
// for asking what it says of somebody made up, without a store.
func Bare(doc *Document, catalog *Catalog) (*View, error) {
	s, err := NewSnapshot(model.Tenant{}, doc, catalog, model.Directory{})
	if err != nil {
		return nil, err
	}
	return newView(s, newRecords(nil, func() {})), nil
}
