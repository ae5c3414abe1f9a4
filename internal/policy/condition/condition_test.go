package condition

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// attributes are sent if they are in the map.
type attributes map[string]any

func (a attributes) Attribute(name string) (any, bool) {
	v, sent := a[name]
	return v, sent
}

// noon is when the tests ask: a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// world is the subject and the request of the tables, with the record given as JSON.
func world(t testing.TB, record string) *Facts {
	t.Helper()
	return &Facts{
		Record: fromJSON(t, record),
		User: attributes{"region": "EU", "level": 3.0, "vip": true, "regions": []any{"EU", "US"}, "empty": []any{}, "nothing": nil,
			"mixed": []any{"EU", 1.0}, "deadline": "2026-03-04T10:00:00Z", "domain": "@example.com", "blank": "", "numbers": []any{1.0, 2.0}, "huge": 9007199254740993.0},
		UserID:  "ann",
		Roles:   []string{"role:lead", "role:rep"},
		Teams:   []string{"emea", "vips"},
		Unit:    "sales",
		Action:  map[string]any{"reason": "audit", "fields": []any{"phone"}},
		Context: map[string]any{"channel": "web", "ip2": "10.1.1.1"},
		IP:      "10.1.2.3",
		Time:    noon,
		ACR:     2, AMR: []string{"otp", "pwd"}, AuthAge: 100 * time.Second, HasAuth: true,
		Client: "crm",
		Below: func(unit, root string) bool {
			return unit == root || strings.HasPrefix(unit, root+"/")
		},
	}
}

func fromJSON(t testing.TB, text string) attributes {
	t.Helper()
	var a attributes
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

// schema is what the tables declare.
func schema(field string) string {
	return map[string]string{
		"amount": "number", "stage": "string", "vip": "bool", "due": "time", "closed": "time", "boss": "ref",
		"tags": "list of string", "scores": "list of number", "dates": "list of time", "money": "currency",
	}[field]
}

func mustCompile(t testing.TB, text string, s Schema) *Condition {
	t.Helper()
	c, err := Compile(text, s)
	if err != nil {
		t.Fatalf("Compile(%s): %v", text, err)
	}
	return c
}

func TestEval(t *testing.T) {
	for _, c := range []struct {
		text, record string
		want         Truth
	}{
		// Constants and Kleene's tables: a is true, b false, u unknown.
		{`true`, `{}`, True},
		{`false`, `{}`, False},
		{`!record.a`, `{"a": true}`, False},
		{`!record.a`, `{"a": false}`, True},
		{`!record.u`, `{}`, Unknown},
		{`record.a && record.u`, `{"a": true}`, Unknown},
		{`record.u && record.a`, `{"a": true}`, Unknown},
		{`record.b && record.u`, `{"b": false}`, False},
		{`record.u && record.b`, `{"b": false}`, False},
		{`record.a || record.u`, `{"a": true}`, True},
		{`record.u || record.a`, `{"a": true}`, True},
		{`record.u || record.b`, `{"b": false}`, Unknown},
		{`record.a && record.a && record.b`, `{"a": true, "b": false}`, False},

		// What is absent opens nothing.
		{`record.x == 'a'`, `{"x": "a"}`, True},
		{`record.x == 'a'`, `{"x": "b"}`, False},
		{`record.x == 'a'`, `{}`, Unknown},
		{`record.x == 'a'`, `{"x": null}`, Unknown},
		{`record.x == 'a'`, `{"x": 1}`, Unknown},
		{`record.x == 'a'`, `{"x": ["a"]}`, Unknown},
		{`record.x == 'a'`, `{"x": {"a": "a"}}`, Unknown},
		{`record.x != 'a'`, `{"x": null}`, Unknown},
		{`record.x != 'a'`, `{"x": 1}`, Unknown},
		{`!(record.x == 'a')`, `{}`, Unknown},
		{`!(record.x == 'a')`, `{"x": 1}`, Unknown},
		{`!(record.x in ['a'])`, `{}`, Unknown},
		{`record.vip`, `{"vip": "yes"}`, Unknown},
		{`record.vip`, `{"vip": true}`, True},
		{`user.vip && record.vip == true`, `{"vip": true}`, True},
		{`user.none`, `{}`, Unknown},

		// Order: numbers, strings by bytes, times.
		{`record.amount > 100`, `{"amount": 100.5}`, True},
		{`record.amount > 100`, `{"amount": "200"}`, Unknown},
		{`record.amount >= -1 && record.amount <= 1.5`, `{"amount": -1}`, True},
		{`record.stage < 'b'`, `{"stage": "B"}`, True},
		{`record.stage < 'Z'`, `{"stage": "a"}`, False},
		{`record.stage < '～'`, `{"stage": "𐀀"}`, False}, // by bytes; UTF-16 would say true
		{`record.a < record.b`, `{"a": 1, "b": 2}`, True},
		{`record.a < record.b`, `{"a": "1", "b": 2}`, Unknown},
		{`record.a < record.b`, `{"a": true, "b": false}`, Unknown},
		{`record.a == record.b`, `{"a": true, "b": true}`, True},
		{`record.a == record.b`, `{"a": null, "b": null}`, Unknown},
		{`record.a == record.b`, `{"a": [], "b": []}`, Unknown},
		{`record.a == record.b`, `{"a": {}, "b": {}}`, Unknown},
		{`record.a != record.b`, `{"a": 1, "b": "1"}`, Unknown},
		{`record.a == user.region`, `{"a": "EU"}`, True},
		{`1 == 1`, `{}`, True},

		// Integers that doubles blur are equal to nothing.
		{`record.n == user.huge`, `{"n": 9007199254740993}`, Unknown},
		{`record.n == record.m`, `{"n": 9007199254740992, "m": 9007199254740993}`, Unknown},
		{`record.n in record.m`, `{"n": 1, "m": [9007199254740993]}`, Unknown},
		{`record.n > 9007199254740991`, `{"n": 9007199254740993}`, True},

		// Times.
		{`record.due < request.time`, `{"due": "2026-03-04T19:59:59+08:00"}`, True},
		{`record.due < request.time`, `{"due": "2026-03-04T20:00:00+08:00"}`, False},
		{`record.due == request.time`, `{"due": "2026-03-04T20:00:00.000+08:00"}`, True},
		{`record.due < request.time`, `{"due": "yesterday"}`, Unknown},
		{`record.due < request.time`, `{"due": 0}`, Unknown},
		{`record.undeclared > request.time - duration('24h')`, `{"undeclared": "2026-03-03T13:00:00Z"}`, True},
		{`record.undeclared > request.time - duration('24h') + duration('2h')`, `{"undeclared": "2026-03-03T13:00:00Z"}`, False},
		{`record.due >= timestamp('2026-01-01T00:00:00Z')`, `{"due": "2026-01-01T00:00:00.000000001Z"}`, True},
		{`record.due < record.closed`, `{"due": "0001-01-01T00:00:00Z", "closed": "9999-12-31T23:59:59Z"}`, True},
		{`record.due < user.deadline`, `{"due": "2026-03-04T10:00:00+08:00"}`, True},
		{`request.time == timestamp('2026-03-04T12:00:00Z')`, `{}`, True},

		// Lists.
		{`record.x in ['a', 'b']`, `{"x": "b"}`, True},
		{`record.x in ['a', 'b']`, `{"x": "c"}`, False},
		{`record.x in ['a', 'b']`, `{"x": 1}`, Unknown},
		{`record.x in []`, `{"x": 1}`, False},
		{`record.x in []`, `{"x": null}`, Unknown},
		{`record.x in [1, 2.5]`, `{"x": 2.5}`, True},
		{`record.x in [user.region, 'CN']`, `{"x": "EU"}`, True},
		{`record.x in [user.none, 'CN']`, `{"x": "CN"}`, Unknown},
		{`record.x in [user.region, user.domain]`, `{"x": "@example.com"}`, True},
		{`record.x in user.regions`, `{"x": "US"}`, True},
		{`record.x in user.regions`, `{"x": 1}`, Unknown},
		{`record.x in user.mixed`, `{"x": "EU"}`, Unknown},
		{`record.x in user.none`, `{"x": "EU"}`, Unknown},
		{`record.x in user.region`, `{"x": "EU"}`, Unknown},
		{`record.x in user.empty`, `{"x": "EU"}`, False},
		{`record.x in user.empty`, `{}`, Unknown},
		{`'a' in record.tags`, `{"tags": ["b", "a"]}`, True},
		{`'a' in record.tags`, `{"tags": ["a", null]}`, Unknown},
		{`'a' in record.tags`, `{"tags": ["a", 1]}`, Unknown},
		{`'a' in record.tags`, `{"tags": []}`, False},
		{`'a' in record.tags`, `{"tags": null}`, Unknown},
		{`'a' in record.tags`, `{"tags": "a"}`, Unknown},
		{`true in record.flags`, `{"flags": [false, true]}`, True},
		{`record.x in record.y`, `{"x": "a", "y": ["a"]}`, True},
		{`record.due in record.dates`, `{"due": "2026-03-04T12:00:00Z", "dates": ["2026-03-04T13:00:00+01:00"]}`, True},
		{`record.due in [timestamp('2026-03-04T12:00:00Z'), request.time]`, `{"due": "2026-03-04T12:00:00Z"}`, True},
		{`'role:lead' in user.roles`, `{}`, True},
		{`'role:admin' in user.roles`, `{}`, False},
		{`'otp' in request.amr`, `{}`, True},
		{`'phone' in action.fields`, `{}`, True},

		{`record.tags.exists(x, x in ['a', 'b'])`, `{"tags": ["c", "b"]}`, True},
		{`record.tags.exists(x, x in ['a', 'b'])`, `{"tags": []}`, False},
		{`record.tags.all(x, x in ['a', 'b'])`, `{"tags": []}`, True},
		{`record.tags.all(x, x in ['a', 'b'])`, `{"tags": ["a", "b", "a"]}`, True},
		{`record.tags.all(x, x in ['a', 'b'])`, `{"tags": ["a", "c"]}`, False},
		{`record.tags.exists(x, x in ['a', 'b'])`, `{"tags": ["a", null]}`, Unknown},
		{`record.tags.all(x, x in ['a'])`, `{"tags": ["c", 1]}`, Unknown},
		{`record.tags.exists(x, x in ['a'])`, `{}`, Unknown},
		{`record.tags.all(x, x in ['a'])`, `{"tags": null}`, Unknown},
		{`record.tags.exists(x, x in user.none)`, `{"tags": []}`, Unknown},
		{`record.tags.exists(x, x in user.mixed)`, `{"tags": []}`, Unknown},
		{`record.any.exists(x, x in user.mixed)`, `{"any": []}`, Unknown},
		{`record.any.exists(x, x in user.numbers)`, `{"any": [3, 2]}`, True},
		{`record.any.exists(x, x in user.numbers)`, `{"any": ["3"]}`, Unknown},
		{`record.any.exists(x, x in user.empty)`, `{"any": ["3", "4"]}`, False},
		{`record.any.exists(x, x in user.empty)`, `{"any": ["3", 4]}`, Unknown},
		{`record.any.exists(x, x in user.empty)`, `{"any": [null]}`, Unknown},
		{`record.any.all(x, x in user.empty)`, `{"any": []}`, True},
		{`record.teams.exists(x, x in user.teams)`, `{"teams": ["team:vips"]}`, True},
		{`record.dates.all(x, x in [request.time])`, `{"dates": ["2026-03-04T12:00:00.0Z"]}`, True},
		{`user.regions.all(x, x in ['EU', 'US'])`, `{}`, True},

		// Ids: user:bob means bob in what names users, and nowhere else.
		{`record.owner == user.id`, `{"owner": "ann"}`, True},
		{`record.owner == user.id`, `{"owner": "user:ann"}`, True},
		{`record.owner == user.id`, `{"owner": "team:ann"}`, False},
		{`record.created_by == user.id`, `{"created_by": "user:ann"}`, True},
		{`user.id in record.assignees`, `{"assignees": ["bob", "user:ann"]}`, True},
		{`record.unit == user.unit`, `{"unit": "unit:sales"}`, True},
		{`record.account == 'a1'`, `{"account": "account:a1"}`, True},
		{`record.territory == 't1'`, `{"territory": "territory:t1"}`, True},
		{`'c1' in record.contacts`, `{"contacts": ["contact:c1"]}`, True},
		{`record.boss == user.id`, `{"boss": "user:ann"}`, False},
		{`record.owner.startsWith('a')`, `{"owner": "user:ann"}`, True},
		{`record.owner in ['ann', 'bob']`, `{"owner": "user:bob"}`, True},
		{`record.id == '17'`, `{"id": "17"}`, True},

		// Presence.
		{`has(record.x)`, `{"x": ""}`, True},
		{`has(record.x)`, `{"x": null}`, False},
		{`has(record.x)`, `{}`, Unknown},
		{`!has(record.x)`, `{}`, Unknown},
		{`!has(record.x)`, `{"x": null}`, True},
		{`has(record.amount)`, `{"amount": "1"}`, Unknown},
		{`has(record.tags)`, `{"tags": []}`, True},
		{`has(record.tags)`, `{"tags": [1]}`, Unknown},
		{`has(record.due)`, `{"due": "soon"}`, Unknown},
		{`has(user.nothing)`, `{}`, False},
		{`has(user.region) && has(user.unit) && has(user.roles) && has(request.ip)`, `{}`, True},
		{`has(request.context.nothing)`, `{}`, Unknown},

		// Strings.
		{`record.email.endsWith('@example.com')`, `{"email": "ann@example.com"}`, True},
		{`record.email.endsWith(user.domain)`, `{"email": "ann@example.com"}`, True},
		{`record.email.contains('%')`, `{"email": "ann@example.com"}`, False},
		{`record.email.startsWith('')`, `{"email": ""}`, True},
		{`record.email.startsWith('')`, `{"email": null}`, Unknown},
		{`record.email.startsWith(user.level)`, `{"email": "3"}`, Unknown},
		{`record.email.startsWith('a')`, `{"email": 3}`, Unknown},

		// Trees, networks and clocks.
		{`below(record.unit, user.unit)`, `{"unit": "sales/emea"}`, True},
		{`below(record.unit, user.unit)`, `{"unit": "unit:sales/emea"}`, True},
		{`below(record.unit, user.unit)`, `{"unit": "support"}`, False},
		{`below(record.unit, user.unit)`, `{"unit": ""}`, False},
		{`below(record.unit, user.unit)`, `{"unit": null}`, Unknown},
		{`below(user.unit, 'sales')`, `{}`, True},
		{`inCIDR(request.ip, '10.0.0.0/8')`, `{}`, True},
		{`inCIDR(request.ip, ['192.168.0.0/16', '::/0'])`, `{}`, False},
		{`inCIDR(request.context.ip2, ['192.168.0.0/16', '10.1.1.1/32'])`, `{}`, True},
		{`inCIDR(request.context.channel, '10.0.0.0/8')`, `{}`, Unknown},
		{`request.time.getHours('Asia/Shanghai') == 20`, `{}`, True},
		{`request.time.getHours('-03:30') == 8 && request.time.getMinutes('-03:30') == 30`, `{}`, True},
		{`request.time.getHours() == 12 && request.time.getDayOfWeek() == 3 && request.time.getDate() == 4`, `{}`, True},
		{`request.time.getDayOfMonth() == 3 && request.time.getMonth() == 2 && request.time.getFullYear() == 2026 && request.time.getDayOfYear() == 62`, `{}`, True},
		{`(request.time + duration('12h')).getDayOfWeek('UTC') in [0, 4]`, `{}`, True},
		{`request.acr >= 2 && request.auth_age < 300 && request.client == 'crm'`, `{}`, True},
		{`request.context.channel == 'web' && action.reason == 'audit'`, `{}`, True},
	} {
		cond := mustCompile(t, c.text, schema)
		f := world(t, c.record)
		if got := cond.Eval(f); got != c.want {
			t.Errorf("%s of %s is %v, want %v", c.text, c.record, got, c.want)
		}
		if got := cond.Possible(f); !got.Has(c.want) {
			t.Errorf("%s of %s is %v, which Possible (%03b) leaves out", c.text, c.record, c.want, got)
		}
	}
}

// TestLongLists asks about lists whose product nobody should have to wait for:
// more than 10^10 pairs.
func TestLongLists(t *testing.T) {
	const n = 150_000
	numbers := func(from, step float64) []any {
		l := make([]any, n)
		for i := range l {
			l[i] = from + step*float64(i)
		}
		return l
	}
	f := &Facts{Record: attributes{"even": numbers(0, 2), "odd": numbers(1, 2), "mixed": append(numbers(0, 2), "a")}, User: attributes{"even": numbers(0, 2)}}
	for text, want := range map[string]Truth{
		`record.even.all(x, x in user.even)`:     True,
		`record.odd.exists(x, x in user.even)`:   False,
		`record.mixed.exists(x, x in user.even)`: Unknown,
	} {
		if got := mustCompile(t, text, nil).Eval(f); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}
