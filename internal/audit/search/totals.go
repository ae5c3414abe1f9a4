package search

import (
	"bytes"
	"encoding/binary"
	"slices"

	"rolegate/internal/audit"
)

// Totals are how many logins and decisions entries tell of.
type Totals struct {
	LoggedIn int64 // logins that came to a session
	Refused  int64 // tries with a wrong password, one-time code or recovery code
	Allowed  int64 // decisions, each member of a batch by itself
	Denied   int64
}

func (t *Totals) add(o Totals) {
	t.LoggedIn += o.LoggedIn
	t.Refused += o.Refused
	t.Allowed += o.Allowed
	t.Denied += o.Denied
}

// totalsOf are those of one entry. A flood's counts what it stands for.
func totalsOf(l *audit.Leaf) (t Totals) {
	n := int64(1)
	if l.Since != 0 && l.Count > 0 && l.Activity != audit.Explained { // whose Count is of those who could
		n = l.Count
	}
	decided := func(o audit.Outcome) {
		switch o {
		case audit.OutcomeAllow:
			t.Allowed += n
		case audit.OutcomeDeny:
			t.Denied += n
		}
	}
	switch l.Activity {
	case audit.LoginSucceeded, audit.RecoveryUsed:
		t.LoggedIn = n
	case audit.PasswordFailed, audit.OTPFailed, audit.RecoveryFailed:
		t.Refused = n
	case audit.Evaluated, audit.EvaluatedBatch:
		decided(l.Outcome)
		for _, i := range l.Items {
			decided(i.Outcome)
		}
	}
	return t
}

// tenantsTotals are the totals of each tenant, as a summary holds them: a byte that
// says so, and of each tenant the length of its ref, the ref and four numbers.
type tenantsTotals map[string]Totals

const totalsVersion = 1

func (ts tenantsTotals) add(tenant []byte, t Totals) {
	if t == (Totals{}) {
		return
	}
	sum := ts[string(tenant)]
	sum.add(t)
	ts[string(tenant)] = sum
}

func (ts tenantsTotals) bytes() []byte {
	refs := make([]string, 0, len(ts))
	for ref := range ts {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	b := []byte{totalsVersion}
	for _, ref := range refs {
		b = append(append(b, byte(len(ref))), ref...)
		t := ts[ref]
		for _, n := range t.fields() {
			b = binary.AppendUvarint(b, uint64(*n))
		}
	}
	return b
}

// fields are the numbers one by one, in the order they are stored in.
func (t *Totals) fields() [4]*int64 { return [4]*int64{&t.LoggedIn, &t.Refused, &t.Allowed, &t.Denied} }

// eachTotals reads what bytes wrote; ok is false where that is not what was stored.
func eachTotals(stored []byte, yield func(ref []byte, t Totals)) (ok bool) {
	if len(stored) == 0 || stored[0] != totalsVersion {
		return false
	}
	for b := stored[1:]; len(b) > 0; {
		n := 1 + int(b[0])
		if len(b) < n {
			return false
		}
		ref := b[1:n]
		b = b[n:]
		var t Totals
		for _, field := range t.fields() {
			v, n := binary.Uvarint(b)
			if n <= 0 || v > 1<<62 {
				return false
			}
			*field, b = int64(v), b[n:]
		}
		yield(ref, t)
	}
	return true
}

// totalsIn is one tenant's part of what a summary holds.
func totalsIn(stored, tenant []byte) (sum Totals, ok bool) {
	ok = eachTotals(stored, func(ref []byte, t Totals) {
		if bytes.Equal(ref, tenant) {
			sum = t
		}
	})
	return sum, ok
}
