package policy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"rolegate/internal/store"
	"rolegate/model"
)

// KnownObject is an object as questions may name it.
type KnownObject struct {
	Name    string
	Actions []string     // in byte order
	Fields  []KnownField // that the catalogue declares, by name
}

// KnownField is an attribute that records of an object have.
type KnownField struct {
	Name string
	Type string // as catalogues have it; "" for not declared
}

// Objects lists what the policy and the catalogue of a tenant have names for, by
// name. It tells of nobody, and is not recorded.
func (s *Service) Objects(ctx context.Context, tenant string) ([]KnownObject, error) {
	view, err := s.view(ctx, tenant, 0, time.Time{})
	if err != nil {
		return nil, err
	}
	var all []KnownObject
	for _, name := range slices.Sorted(maps.Keys(view.rules.objects)) {
		o := KnownObject{Name: name, Actions: view.actionNames(name)}
		if entry := view.rules.catalog.object(name); entry != nil {
			for _, field := range slices.Sorted(maps.Keys(entry.Fields)) {
				o.Fields = append(o.Fields, KnownField{field, entry.Fields[field].Type})
			}
		}
		all = append(all, o)
	}
	return all, nil
}

// KnownSubjects lists up to limit ids of a type that contain a text, in byte order.
// Whoever shows them records it.
func (s *Service) KnownSubjects(ctx context.Context, tenant, typ, part string, limit int) ([]string, error) {
	view, err := s.view(ctx, tenant, 0, time.Time{})
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, id := range view.people.types[typ].ids() {
		if len(found) == limit {
			break
		}
		if strings.Contains(id, part) {
			found = append(found, id)
		}
	}
	return found, nil
}

// KnownRecords lists up to limit ids of registered records of a type that begin with
// a text, in byte order; likewise.
func (s *Service) KnownRecords(ctx context.Context, tenant, typ, prefix string, limit int) ([]string, error) {
	found := []string{}
	if prefix != "" { // what is listed below comes behind it
		_, err := s.Store.Resource(ctx, tenant, typ, prefix)
		if err == nil {
			found = append(found, prefix)
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	page, err := s.Store.Resources(ctx, tenant, typ, prefix, limit)
	for _, r := range page {
		if strings.HasPrefix(r.ID, prefix) && r.ID != model.AnyRecord && len(found) < limit {
			found = append(found, r.ID)
		}
	}
	return found, err
}
