package review

import "rolegate/model"

// widening gives what opens. Each kind of row has one direction in which it can:
// allow rows by coming, all others by going, and links either way.
func widening(was, now *table) (found []model.Finding) {
	changed := map[string]model.PolicyRow{} // by kind and text, what a row was before or became after
	seen := map[string]bool{}
	for _, c := range diff(was.rows, now.rows) {
		switch c.Kind {
		case model.RowChanged:
			changed["-"+c.Before.Text], changed["+"+c.After.Text] = c.After, c.Before
		case model.RowRenamed:
			continue
		}
		seen["-"+c.Before.Text], seen["+"+c.After.Text] = true, true
	}
	other := func(key string) []model.PolicyRow {
		if r, is := changed[key]; is {
			return []model.PolicyRow{r}
		}
		return nil
	}
	for i := range now.rows {
		r := &now.rows[i]
		if !seen["+"+r.Text] {
			continue
		}
		if code := opening(r); code != "" && !(was.understands(r) && was.has(r)) {
			found = append(found, finding(code, r, other("+"+r.Text)...))
		}
		if word := newWord(was, now, r); word != "" {
			f := finding(model.FindingWord, r)
			f.Word = word
			found = append(found, f)
		}
	}
	for i := range was.rows {
		r := &was.rows[i]
		if !seen["-"+r.Text] {
			continue
		}
		f := finding(closing(r), r, other("-"+r.Text)...)
		f.Line = 0
		switch {
		case r.Kind == "p3" && r.Field != everything && !now.names(r.Object, r.Field):
			f.Code, f.Word = model.FindingField, r.Field
		case f.Code == "" || now.has(r):
			continue
		}
		found = append(found, f)
	}
	found = append(found, relinked(was, now)...)
	for i := range found {
		found[i].New = true
	}
	return found
}

// opening is what is found of a row that is new; "" for one that opens nothing.
func opening(r *model.PolicyRow) model.FindingCode {
	switch {
	case r.Effect != allow:
		return ""
	case r.Kind == "p3":
		return model.FindingField
	}
	return model.FindingGrant
}

// closing is what is found of a row that is gone; "" for one that closed nothing.
func closing(r *model.PolicyRow) model.FindingCode {
	switch {
	case r.Effect != deny:
		return ""
	case r.Kind == "p2":
		return model.FindingRestriction
	case r.Kind == "p3":
		return model.FindingField
	case r.Kind == "p4":
		return model.FindingAssurance
	}
	return model.FindingDenial
}

// has tells whether a row of another document says nothing that this one does not.
func (t *table) has(r *model.PolicyRow) bool {
	_, is := t.covering(r, r.Effect, -1, says)
	return is
}

// understands tells whether the words of a row mean something, so that rows with a
// star apply to them.
func (t *table) understands(r *model.PolicyRow) bool {
	switch {
	case r.Object != everything && !t.knows(r.Object):
		return false
	case r.Kind == "p3" || r.Action == everything && (r.Object == everything || t.object(r.Object) != nil):
		return true
	}
	return t.knowsPair(r.Object, r.Action, 0)
}

// newWord gives the object or action that means something by a row and meant
// nothing before, where allow rows with a star so apply to it.
func newWord(was, now *table, r *model.PolicyRow) string {
	if r.Kind == "g" {
		return ""
	}
	if r.Object != everything && !was.knows(r.Object) && now.starObjects > 0 {
		return r.Object
	}
	if r.Kind == "p3" || was.knowsPair(r.Object, r.Action, 0) {
		return ""
	}
	switch every := now.allowed[[2]string{everything, everything}]; {
	case r.Object == everything && r.Action == everything:
		return ""
	case r.Object == everything && now.starActions > 0:
		return r.Action
	case r.Action == everything && now.object(r.Object) == nil && every > 0:
		return r.Object
	case r.Action != everything && r.Object != everything && every+now.allowed[[2]string{r.Object, everything}] > 0:
		return r.Action
	}
	return ""
}

// relinked gives the links that are new, by which a role has more rights, and
// those that are gone, by which something may no longer bind it.
func relinked(was, now *table) (found []model.Finding) {
	for _, i := range now.links {
		r := &now.rows[i]
		if !was.inheritsFrom(r.Subject, r.Inherits) {
			found = append(found, finding(model.FindingInherits, r))
		}
	}
	for _, i := range was.links {
		r := &was.rows[i]
		if now.inheritsFrom(r.Subject, r.Inherits) {
			continue
		}
		bound := was.bound(r.Inherits, func(role string) bool { return !now.inheritsFrom(r.Subject, role) })
		if len(bound) > 0 || now.asked {
			f := finding(model.FindingFreed, r, bound...)
			f.Line = 0
			found = append(found, f)
		}
	}
	return found
}

// bound lists rows that take something from whoever has a role, as far as they
// name one of those roles.
func (t *table) bound(role string, these func(role string) bool) (rows []model.PolicyRow) {
	for _, key := range t.chain(role) {
		if key == everything || !these(key) {
			continue
		}
		for i := range t.rows {
			if r := &t.rows[i]; r.Subject == key && r.Effect == deny && len(rows) < maxOthers {
				rows = append(rows, *r)
			}
		}
	}
	return rows
}
