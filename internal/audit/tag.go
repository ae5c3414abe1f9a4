package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"rolegate/model"
)

// tagSize is that of a tag in bytes.
const tagSize = 16

// A tag stands for a record in the index of the entries about it: a keyed hash
// under the key of the entry's tenant, class and month. Whoever has the key and
// the record's name finds the entries; without the key a tag tells nothing, not
// even that two months speak of the same record, and with the month's key it
// loses what it meant.
func tag(month []byte, record string) []byte {
	h := hmac.New(sha256.New, month)
	h.Write([]byte("tag|"))
	h.Write([]byte(record))
	return h.Sum(nil)[:tagSize]
}

// Tag is how a record, "type:id", is found among the entries of a class in a month,
// such as 2026-11, of the tenant with that ref (none: of no tenant).
// store.ErrNotFound means that the month has no key, so nothing of it is readable.
func (l *Log) Tag(ctx context.Context, tenant []byte, class Class, month, record string) ([]byte, error) {
	key, err := l.people.findMonth(ctx, monthID{string(tenant), class, month})
	if err != nil {
		return nil, err
	}
	return tag(key, record), nil
}

// records are the names of the records the entry is about, as its parts have
// them, each once. They are as many as one request may ask about: the members of a
// batch, the results of a page. A list filter names none, whatever its length, and
// "every record" is none.
func (e *Entry) records() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] && !strings.HasSuffix(name, ":"+model.AnyRecord) {
			seen[name] = true
			names = append(names, name)
		}
	}
	of := func(personal map[string]any) {
		if name, ok := personal["resource"].(string); ok {
			add(name)
		}
		if list, ok := personal["resources"].([]string); ok {
			for _, name := range list {
				add(name)
			}
		}
		if list, ok := personal["members"].([]Member); ok {
			for _, m := range list {
				add(m.Resource)
			}
		}
	}
	of(e.Personal)
	for _, p := range e.Others {
		of(p.Personal)
	}
	return names
}
