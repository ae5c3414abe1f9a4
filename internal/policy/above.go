package policy

import (
	"strings"

	"rolegate/model"
)

// Above is somebody who administers Rolegate in a way that another person does not, now or
// later.
type Above struct {
	User    string // bare id; "" for nobody
	Office  bool   // holds one, now or later
	Subject string // the role, team or user whose rows do it; "" of an office
}

// Above looks for somebody above the person among who: "user:bob", or all users who are in
// "team:emea". Of several it is the first by id. The person is not above themselves.
func (c *Giver) Above(who string) (found Above) {
	people := c.view.people
	consider := func(m *member) {
		id := m.user()
		if id == "" || id == c.person || found.User != "" && found.User < id {
			return
		}
		if a := c.aboveBy(people.heldBeside(m, "", "", c.now)); a.Office || a.Subject != "" {
			found, found.User = a, id
		}
	}
	if m := people.findKey(who); m != nil {
		consider(m)
		return found
	}
	if team, is := strings.CutPrefix(who, teamPrefix); is {
		for m := range people.all() {
			if m.inTeam(team) {
				consider(m)
			}
		}
	}
	return found
}

// aboveBy is Above of who holds something, without the name.
func (c *Giver) aboveBy(held []string) (a Above) {
	for _, subject := range held {
		if role, is := strings.CutPrefix(subject, model.RolePrefix); is && model.IsOffice(role) {
			return Above{Office: true}
		}
		if a.Subject == "" && c.Handing(subject) == HandingAdministers {
			a.Subject = subject
		}
	}
	return a
}
