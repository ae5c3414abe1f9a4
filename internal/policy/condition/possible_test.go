package condition

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPossible(t *testing.T) {
	const u, f, tr = Set(1 << Unknown), Set(1 << False), Set(1 << True)
	for _, c := range []struct {
		text string
		want Set
	}{
		{`true`, tr},
		{`'role:lead' in user.roles`, tr},
		{`'role:admin' in user.roles`, f},
		{`user.none == 'x'`, u},
		{`has(user.none)`, u},

		// Whatever the record is, it may be anything.
		{`record.x == 'a'`, u | f | tr},
		{`record.vip`, u | f | tr},
		{`has(record.x)`, u | f | tr},
		{`record.id == '17'`, u | f | tr},
		{`record.x == record.x`, u | f | tr},
		{`record.x in ['a']`, u | f | tr},
		{`'a' in record.x`, u | f | tr},
		{`record.x in record.y`, u | f | tr},
		{`record.x == user.region`, u | f | tr},
		{`record.x.startsWith('a')`, u | f | tr},
		{`record.tags.exists(x, x in user.regions)`, u | f | tr},
		{`record.tags.all(x, x in [])`, u | f | tr},
		{`below(record.unit, user.unit)`, u | f | tr},

		// But nothing compares with what the subject lacks.
		{`record.x == user.none`, u},
		{`record.x != user.nothing`, u},
		{`record.amount > user.region`, u},
		{`record.x == user.regions`, u},
		{`record.n == user.huge`, u},
		{`record.x in user.none`, u},
		{`record.x in user.mixed`, u},
		{`record.amount in user.regions`, u},
		{`record.x in [user.none]`, u},
		{`user.none in record.x`, u},
		{`record.tags.exists(x, x in user.mixed)`, u},
		{`record.tags.all(x, x in user.none)`, u},
		{`record.x.startsWith(user.level)`, u},
		{`below(record.unit, user.none)`, u},
		{`record.x < user.vip`, u}, // bools have no order
		{`user.vip >= record.x`, u},
		{`record.x != user.vip`, u | f | tr},

		// Nothing is in an empty list, and the empty string in every one.
		{`record.x in []`, u | f},
		{`record.x in user.empty`, u | f},
		{`record.tags.exists(x, x in user.empty)`, u | f},
		{`record.x.contains(user.blank)`, u | tr},
		{`below(record.unit, user.blank)`, u | f},

		// Joined value by value.
		{`!(record.x == 'a')`, u | f | tr},
		{`!(record.x in [])`, u | tr},
		{`record.x == 'a' && 'role:admin' in user.roles`, f},
		{`record.x == 'a' || 'role:lead' in user.roles`, tr},
		{`record.x == 'a' && user.none`, u | f},
		{`record.x == 'a' || user.none`, u | tr},
		{`record.x in [] && record.y in []`, u | f},
	} {
		cond := mustCompile(t, c.text, schema)
		facts := world(t, `{}`)
		facts.Record = unreadable{t}
		if got := cond.Possible(facts); got != c.want {
			t.Errorf("Possible of %s is %03b, want %03b", c.text, got, c.want)
		}
	}
	facts := world(t, `{}`)
	facts.Below = nil
	if got := mustCompile(t, `below(record.unit, user.unit)`, nil).Possible(facts); got != u {
		t.Errorf("Possible without a tree is %03b, want unknown", got)
	}
}

// unreadable is a record nobody has seen.
type unreadable struct{ t *testing.T }

func (u unreadable) Attribute(name string) (any, bool) {
	u.t.Errorf("Possible reads record.%s", name)
	return nil, false
}

func TestFields(t *testing.T) {
	for text, want := range map[string][]string{
		`true`:                            nil,
		`'role:lead' in user.roles`:       nil,
		`user.vip || record.vip`:          {"vip"},
		`has(record.x)`:                   {"x"},
		`'a' in record.x && record.a > 1`: {"x", "a"},
		`record.x.exists(y, y in ['a'])`:  {"x"},
	} {
		if diff := cmp.Diff(want, mustCompile(t, text, nil).Fields()); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", text, diff)
		}
	}
}

// TestZeroFacts asks about nothing at all: nothing is known, but what is always
// known and empty.
func TestZeroFacts(t *testing.T) {
	for text, want := range map[string]Truth{
		`record.x == 'a'`:        Unknown,
		`has(record.x)`:          Unknown,
		`user.x == 'a'`:          Unknown,
		`user.id == 'a'`:         Unknown,
		`user.id != 'a'`:         Unknown,
		`user.unit != 'a'`:       Unknown,
		`has(user.unit)`:         False,
		`'role:a' in user.roles`: False,
		`'a' in user.teams`:      False,
		`'a' in request.amr`:     Unknown,
		`has(request.amr)`:       Unknown,
		`request.acr >= 1`:       False,
		`request.auth_age < 300`: Unknown,
		`has(request.auth_age)`:  Unknown,
		`request.client != 'a'`:  Unknown,
		`has(request.client)`:    Unknown,
		`request.time > timestamp('2000-01-01T00:00:00Z')`: Unknown,
		`request.time.getHours() < 24`:                     Unknown,
		`has(request.time)`:                                Unknown,
		`inCIDR(request.ip, '0.0.0.0/0')`:                  Unknown,
		`action.x == 'a' || !action.x`:                     Unknown,
		`request.context.x != 'a'`:                         Unknown,
		`below('a', 'a')`:                                  Unknown,
	} {
		if got := mustCompile(t, text, nil).Eval(&Facts{}); got != want {
			t.Errorf("%s of nothing is %v, want %v", text, got, want)
		}
	}
}
