package server

import (
	"encoding/json"
	"reflect"
	"testing"

	"rolegate/internal/audit"
	"rolegate/internal/audit/search"
)

// All that a leaf says is in what people are shown of it, but for the format's
// version and the tenant's ref, which is the reader's own.
func TestEntryViewHidesNothing(t *testing.T) {
	view := func(l audit.Leaf) string {
		e := search.Entry{Leaf: l}
		b, err := json.Marshal(EntryView(&e, e.Closed()))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	filled := map[string]any{"Act": &audit.Act{Kind: "kind"}, "Roles": []string{"role"}, "Items": []audit.Item{{Object: "object"}}, "Segments": []audit.SegRef{{Epoch: "epoch"}}}
	fields := reflect.TypeFor[audit.Leaf]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		var l audit.Leaf
		switch f := reflect.ValueOf(&l).Elem().Field(i); {
		case filled[name] != nil:
			f.Set(reflect.ValueOf(filled[name]))
		case f.Kind() == reflect.String:
			f.SetString("text")
		case f.CanInt():
			f.SetInt(2)
		default:
			f.SetBytes([]byte{1})
		}
		if hidden := view(l) == view(audit.Leaf{}); hidden != (name == "Version" || name == "Tenant") {
			t.Errorf("%s is hidden: %v", name, hidden)
		}
	}
}
