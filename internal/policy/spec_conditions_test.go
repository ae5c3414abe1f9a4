package policy

import (
	"maps"
	"slices"
	"strings"

	"rolegate/model"
)

// specConditions says in plain Go what some conditions mean, the third value
// included; package condition holds all others against CEL. Truth values are
// those of spec, so that Kleene's "and" is min, "or" max and "not" minus.
var specConditions = map[string]func(s spec, q model.Question, in Inputs) int{
	"record.stage == 'won'": func(s spec, q model.Question, in Inputs) int {
		return specText(q, in, "stage", func(v string) bool { return v == "won" })
	},
	"record.stage != 'won'": func(s spec, q model.Question, in Inputs) int {
		return specText(q, in, "stage", func(v string) bool { return v != "won" })
	},
	"!(record.stage == 'won') || record.amount > 10": func(s spec, q model.Question, in Inputs) int {
		return max(-specText(q, in, "stage", func(v string) bool { return v == "won" }), specNumber(q, in, "amount", 10))
	},
	"record.stage in ['won', 'lost'] && record.amount > 10": func(s spec, q model.Question, in Inputs) int {
		return min(specText(q, in, "stage", func(v string) bool { return v == "won" || v == "lost" }), specNumber(q, in, "amount", 10))
	},
	"has(record.stage)": func(s spec, q model.Question, in Inputs) int {
		v, sent := attribute(q, in, "stage")
		_, isText := v.(string)
		if !sent || v != nil && !isText && q.Resource.Type == "deal" { // where stage is declared as text
			return specUnknown
		}
		return specIs(v != nil)
	},
	"record.region == user.region": func(s spec, q model.Question, in Inputs) int {
		mine, isText := s.userAttribute(q, in, "region").(string)
		if !isText {
			return specUnknown
		}
		return specText(q, in, "region", func(v string) bool { return v == mine })
	},
	"'role:b' in user.roles": func(s spec, q model.Question, in Inputs) int {
		return specIs(s.keys(key(q), in.Now)["role:b"])
	},
	"record.owner == user.id": func(s spec, q model.Question, in Inputs) int {
		me := q.Subject.ID
		if q.Subject.Type != "user" {
			me = key(q)
		}
		return specText(q, in, "owner", func(v string) bool { return strings.TrimPrefix(v, "user:") == me })
	},
	"below(record.unit, user.unit)": func(s spec, q model.Question, in Inputs) int {
		var mine string
		for _, x := range s.dir.Subjects {
			if x.Key() == key(q) {
				mine = x.Unit
			}
		}
		v, _ := attribute(q, in, "unit")
		if unit, isText := v.(string); isText && mine != "" {
			return specIs(slices.Contains(s.unitsUp(strings.TrimPrefix(unit, "unit:")), mine))
		}
		return specUnknown
	},
	"request.acr >= 2 || inCIDR(request.ip, '10.0.0.0/8')": func(s spec, q model.Question, in Inputs) int {
		from := specUnknown
		if ip, isText := q.Context["ip"].(string); isText {
			from = specIs(strings.HasPrefix(ip, "10."))
		}
		return max(specIs(in.Assurance.Level >= 2), from)
	},
	"request.context.channel != 'web' && request.client == 'crm'": func(s spec, q model.Question, in Inputs) int {
		channel := specUnknown
		if v, isText := q.Context["channel"].(string); isText {
			channel = specIs(v != "web")
		}
		return min(channel, specIs(in.Client == "crm"))
	},
	"!action.bulk": func(s spec, q model.Question, in Inputs) int {
		if bulk, isBool := q.Action.Properties["bulk"].(bool); isBool {
			return specIs(!bulk)
		}
		return specUnknown
	},
}

// specTexts are the conditions in order.
var specTexts = slices.Sorted(maps.Keys(specConditions))

// condition is a condition's truth; no condition holds.
func (s spec) condition(text string, q model.Question, in Inputs) int {
	if text == "" {
		return specYes
	}
	return specConditions[text](s, q, in)
}

func specText(q model.Question, in Inputs, name string, is func(string) bool) int {
	v, _ := attribute(q, in, name)
	if text, isText := v.(string); isText {
		return specIs(is(text))
	}
	return specUnknown
}

func specNumber(q model.Question, in Inputs, name string, over float64) int {
	v, _ := attribute(q, in, name)
	if n, isNumber := v.(float64); isNumber {
		return specIs(n > over)
	}
	return specUnknown
}

// userAttribute is what is stored of the subject and, where the client is
// trusted, what it sends over it.
func (s spec) userAttribute(q model.Question, in Inputs, name string) any {
	if v, sent := q.Subject.Properties[name]; sent && in.TrustSubjectProperties {
		return v
	}
	for _, x := range s.dir.Subjects {
		if x.Key() == key(q) {
			return x.Attributes[name]
		}
	}
	return nil
}
