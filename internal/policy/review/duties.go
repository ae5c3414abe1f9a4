package review

import (
	"slices"
	"strings"

	"rolegate/internal/policy"
	"rolegate/model"
)

// A duty is what one of the three offices is there for, and the others are not.
const (
	dutyPeople = "people" // system administrators: users, roles, organization, clients, keys, the tenant
	dutyPolicy = "policy" // security administrators: the policy and the catalogue
	dutyLog    = "log"    // audit administrators: the log
)

const ownPrefix = "rolegate."

// dutiesOf gives the duties a right belongs to. Reading is everybody's, but of the
// log; so are requests for offices and erasures, which others decide.
func dutiesOf(object, action string) []string {
	switch object {
	case everything:
		if action == "read" {
			return []string{dutyLog}
		}
		return []string{dutyPeople, dutyPolicy, dutyLog}
	case "rolegate.audit":
		return []string{dutyLog}
	case "rolegate.policy", "rolegate.catalog":
		if !slices.Contains([]string{"read", "approve", "explain", "simulate"}, action) {
			return []string{dutyPolicy}
		}
	case "rolegate.user", "rolegate.role", "rolegate.organization", "rolegate.client", "rolegate.resource", "rolegate.key", "rolegate.tenant":
		if action != "read" {
			return []string{dutyPeople}
		}
	}
	return nil
}

func isRole(key string) bool { return strings.HasPrefix(key, model.RolePrefix) }

func isOffice(key string) bool {
	role, is := strings.CutPrefix(key, model.RolePrefix)
	return is && model.IsOffice(role)
}

// duties gives what is found of whom rows or links name.
func (t *table) duties() (found []model.Finding) {
	giving := map[string][]int{} // allow rows about our own objects or any, and of offices about others, by subject
	subjects, met := []string{}, map[string]bool{}
	for i := range t.rows {
		r := &t.rows[i]
		if !met[r.Subject] {
			met[r.Subject] = true
			subjects = append(subjects, r.Subject)
		}
		if r.Kind == "p" && r.Effect == allow {
			giving[r.Subject] = append(giving[r.Subject], i)
		}
	}
	own := func(r *model.PolicyRow) bool { return r.Object == everything || strings.HasPrefix(r.Object, ownPrefix) }
	for key, list := range giving {
		inOffice := slices.ContainsFunc(subjects, func(s string) bool { return isOffice(s) && t.inheritsFrom(s, key) })
		giving[key] = slices.DeleteFunc(list, func(i int) bool { return !own(&t.rows[i]) && !inOffice })
	}
	for _, s := range subjects {
		found = append(found, t.dutiesOfSubject(s, giving, own)...)
	}
	return found
}

func (t *table) dutiesOfSubject(subject string, giving map[string][]int, own func(*model.PolicyRow) bool) (found []model.Finding) {
	by := map[string]*model.PolicyRow{} // duty → the first row that gives it
	var administers, records []model.PolicyRow
	for _, key := range t.chain(subject) {
		for _, i := range giving[key] {
			r := &t.rows[i]
			if t.takenFrom(subject, r) {
				continue
			}
			for _, duty := range dutiesOf(r.Object, r.Action) {
				if by[duty] == nil {
					by[duty] = r
				}
			}
			switch everybodys := key == everything && subject != everything; {
			case everybodys:
			case own(r) && !isOffice(subject):
				administers = append(administers, *r)
			case isOffice(subject) && (!own(r) || r.Object == everything):
				records = append(records, *r)
			}
		}
	}
	about := func(code model.FindingCode, word string, rows []model.PolicyRow) {
		f := finding(code, &rows[0], rows[1:min(len(rows), maxOthers)]...)
		f.Role, f.Word = subject, word
		found = append(found, f)
	}
	var names []string
	var rows []model.PolicyRow
	for _, duty := range []string{dutyPeople, dutyPolicy, dutyLog} {
		if r := by[duty]; r != nil {
			names = append(names, duty)
			rows = append(rows, *r)
		}
	}
	if len(names) > 1 {
		about(model.FindingTwoDuties, strings.Join(names, "+"), rows)
	}
	if len(administers) > 0 {
		about(model.FindingAdministers, "", administers)
	}
	if len(records) > 0 {
		about(model.FindingOfficeRecords, "", records)
	}
	return found
}

// takenFrom tells whether a denial takes from a subject all that a row allows it.
func (t *table) takenFrom(subject string, r *model.PolicyRow) bool {
	as := *r
	as.Subject = subject
	_, is := t.covering(&as, deny, -1, func(s, r *model.PolicyRow) bool {
		return s.Condition == "" && policy.ScopeCovers(s.Scope, r.Scope)
	})
	return is
}
