package verify

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rolegate/internal/audit"
	"rolegate/model"
)

const (
	approvalLevel = 2      // assurance level of whoever approves
	approvalAge   = 5 * 60 // seconds since it was proven, at most
	day           = 24 * time.Hour
	mostDays      = 1_000_000 // what is kept for longer never expires, and calendars do not count so far
)

// erasure says why an execution is none, or nothing.
func (a *acts) erasure(e *act) string {
	request, approval, fault := a.agreed(e, audit.EraseRequested, audit.EraseApproved)
	switch {
	case fault != "":
		return fault
	case !within(e.act.Scope, request.act.Scope):
		return fmt.Sprintf("it is wider than what was approved in entry %d", approval.index)
	}
	for _, segment := range e.act.Scope.Segments {
		if segment.Index >= e.index {
			return "it names entries that were not there yet"
		}
	}
	return ""
}

// retention says why an execution under a standing policy is none, or nothing.
func (a *acts) retention(e *act) string {
	request, _, fault := a.agreed(e, audit.RetentionRequested, audit.RetentionApproved)
	if fault != "" {
		return fault
	}
	if newer := a.newerPolicy(request, e); newer != nil {
		return fmt.Sprintf("the policy of entry %d had been replaced by that of entry %d", request.index, newer.index)
	}
	if len(e.act.Scope.Refs)+len(e.act.Scope.Segments) > 0 {
		return "a standing policy is about months"
	}
	for _, m := range e.act.Scope.Epochs {
		class, month, _ := strings.Cut(m.Epoch, "/")
		begin, err := time.Parse("2006-01", month)
		days, expires := request.act.Scope.Classes[audit.Class(class)]
		switch {
		case err != nil || !expires || days < 0:
			return fmt.Sprintf("the policy of entry %d says nothing of %s", request.index, m.Epoch)
		case days > mostDays || time.UnixMicro(e.leaf.Time).Before(begin.AddDate(0, 1, days)):
			return fmt.Sprintf("%s had not expired: the policy of entry %d keeps it for %d days", m.Epoch, request.index, days)
		case len(request.leaf.Tenant) > 0 && !bytes.Equal(m.Tenant, request.leaf.Tenant):
			return "it is about another tenant than its policy"
		}
	}
	return ""
}

// newerPolicy is one of the same tenant that was approved between a policy and an
// execution under it.
func (a *acts) newerPolicy(request, e *act) *act {
	for _, approval := range a.standing {
		if approval.index >= e.index || approval.act.Request == nil {
			continue
		}
		newer := a.at(*approval.act.Request)
		if newer != nil && newer.index > request.index && bytes.Equal(newer.leaf.Tenant, request.leaf.Tenant) && a.approves(approval, newer) == "" {
			return newer
		}
	}
	return nil
}

// agreed finds the request and the approval that an execution rests on.
func (a *acts) agreed(e *act, requested, approved audit.ActKind) (request, approval *act, fault string) {
	if e.act.Scope == nil {
		return nil, nil, "it does not say what was destroyed"
	}
	if e.act.Request == nil {
		return nil, nil, "it names no request"
	}
	request = a.at(*e.act.Request)
	switch {
	case request == nil || request.index >= e.index || request.act.Kind != requested:
		return nil, nil, fmt.Sprintf("entry %d is no request before it", *e.act.Request)
	case request.act.Scope == nil || !bytes.Equal(request.act.Digest, request.act.Scope.Digest()):
		return nil, nil, fmt.Sprintf("the request of entry %d has not the digest of its scope", request.index)
	case !bytes.Equal(e.act.Digest, request.act.Digest):
		return nil, nil, fmt.Sprintf("it is of another scope than the request of entry %d", request.index)
	case !bytes.Equal(e.leaf.Tenant, request.leaf.Tenant):
		return nil, nil, fmt.Sprintf("it is of another tenant than the request of entry %d", request.index)
	}
	fault = fmt.Sprintf("nobody has approved the request of entry %d", request.index)
	for _, of := range a.answers[request.index] {
		if of.index <= request.index || of.index >= e.index {
			continue
		}
		switch of.act.Kind {
		case audit.EraseRefused:
			return nil, nil, fmt.Sprintf("its request was refused in entry %d", of.index)
		case approved:
			if why := a.approves(of, request); why != "" {
				fault = fmt.Sprintf("the approval of entry %d does not count: %s", of.index, why)
			} else if approval == nil {
				approval = of
			}
		}
	}
	if approval == nil {
		return nil, nil, fault
	}
	if floor := max(request.act.Floor, approval.act.Floor, e.act.Floor); e.leaf.Time < floor {
		return nil, nil, fmt.Sprintf("it was not to be before %s", time.UnixMicro(floor).UTC().Format(time.RFC3339))
	}
	return request, approval, ""
}

// approves says why an approval of a request is none, or nothing.
func (a *acts) approves(approval, request *act) string {
	switch {
	case approval.index <= request.index:
		return "it comes before the request"
	case !bytes.Equal(approval.act.Digest, request.act.Digest):
		return "it is of another scope"
	case !bytes.Equal(approval.leaf.Tenant, request.leaf.Tenant):
		return "it is of another tenant"
	case !own(request) || !own(approval):
		return "it is not known by whom"
	case bytes.Equal(approval.act.By, request.act.By):
		return "it is by whoever asked for it"
	case slices.ContainsFunc(a.byRef[string(request.act.By)], func(e *act) bool { return request.index < e.index && e.index < approval.index }):
		return "the pseudonym of whoever asked for it had been destroyed, so it may be by the same person"
	}
	return entitled(approval)
}

// entitled says why somebody may not decide about what is sealed, or nothing. A leaf
// holds no age of 0, so one that says none does not say that anything was just proven:
// an act's age is at least 1.
func entitled(a *act) string {
	switch {
	case a.leaf.Actor != string(model.CallerUser):
		return "it is not by a person who has logged in"
	case !slices.Contains(a.leaf.Roles, model.AuditAdmin):
		return "it is not by an " + model.AuditAdmin
	case a.leaf.Level < approvalLevel || a.leaf.Age < 1 || a.leaf.Age > approvalAge:
		return "whoever it is by had not just proven a second factor"
	}
	return ""
}

// own tells whether the pseudonym of who acts is one of the entry's.
func own(a *act) bool {
	return len(a.act.By) > 0 && slices.ContainsFunc(a.leaf.Segments, func(s audit.SegRef) bool { return bytes.Equal(s.Ref, a.act.By) })
}

// within tells whether a scope has nothing that the other has not. Scopes may be
// long lists of entries.
func within(s, in *audit.Scope) bool {
	return len(s.Classes) == 0 &&
		subset(s.Refs, in.Refs, func(ref []byte) string { return string(ref) }) &&
		subset(s.Epochs, in.Epochs, func(m audit.Epoch) epoch { return epoch{string(m.Tenant), m.Epoch} }) &&
		subset(s.Segments, in.Segments, func(s audit.Segment) audit.Segment { return s })
}

func subset[T any, K comparable](some, all []T, key func(T) K) bool {
	in := make(map[K]bool, len(all))
	for _, v := range all {
		in[key(v)] = true
	}
	return !slices.ContainsFunc(some, func(v T) bool { return !in[key(v)] })
}

// lifted is the index at which a hold ends; who may lift it is who may approve.
func (a *acts) lifted(set *act) int64 {
	for _, lift := range a.answers[set.index] {
		if lift.index > set.index && lift.act.Kind == audit.HoldLifted && bytes.Equal(lift.leaf.Tenant, set.leaf.Tenant) && own(lift) && entitled(lift) == "" {
			return lift.index
		}
	}
	return math.MaxInt64
}
