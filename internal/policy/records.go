package policy

import (
	"maps"

	"rolegate/model"
)

// Objects whose records are the directory's own: setting the owner or the teams
// of a record is linking it to one of these, by the action assign.
const (
	userObject = "user"
	teamObject = "team"

	// nobody is the user who is assigned where an owner is taken away. It has
	// no attributes, and they are known to be none.
	nobody = "*nobody"
)

// directoryAttributes gives what the directory itself knows about a record that
// is a user or a team: a user's owner is that user, its teams and unit are the
// user's; a team's team is itself.
func (s *Snapshot) directoryAttributes(object, id string) (attributes map[string]any, known bool) {
	switch {
	case object == userObject && id == nobody:
		return map[string]any{"owner": nil, "teams": nil, "unit": nil}, true
	case object == userObject:
		if m := s.people.members["user:"+id]; m != nil {
			return map[string]any{"owner": id, "teams": anyList(m.teams), "unit": m.unit}, true
		}
	case object == teamObject && s.teams[id]:
		return map[string]any{"teams": []any{id}}, true
	}
	return nil, false
}

// stored returns what is stored about the record of a question, the directory's
// word above the registered resource's; nil when nothing is.
func (s *Snapshot) stored(resource model.Entity, registered *model.Resource) *model.Resource {
	own, known := s.directoryAttributes(resource.Type, resource.ID)
	if !known {
		return registered
	}
	merged := &model.Resource{Type: resource.Type, ID: resource.ID, Attributes: map[string]any{}}
	if registered != nil {
		maps.Copy(merged.Attributes, registered.Attributes)
	}
	maps.Copy(merged.Attributes, own)
	return merged
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
