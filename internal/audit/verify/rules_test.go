package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"rolegate/internal/audit"
	"rolegate/internal/audit/skim"
	"rolegate/model"
)

var (
	acme, globex   = []byte("acme"), []byte("globex")
	ann, bob, carl = []byte("ann"), []byte("bob"), []byte("carl")
	custA, custB   = []byte("customer a"), []byte("customer b")
)

var began = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// story is a log of acts, entry by entry, an hour each. Places without one are other
// entries.
type story map[int64]*audit.Leaf

// by is an entry with an act of somebody who has just proven two factors.
func by(who []byte, a audit.Act) *audit.Leaf {
	a.By = who
	l := &audit.Leaf{Version: 1, Tenant: acme, Class: audit.ClassAdmin, Activity: "audit_act", Outcome: audit.OutcomeOK, Source: []byte("source 1"),
		Actor: string(model.CallerSystem), Act: &a}
	if who != nil {
		l.Actor, l.Roles, l.Level, l.Age = string(model.CallerUser), []string{"sales", model.AuditAdmin}, 2, 30
		l.Segments = []audit.SegRef{{Ref: who, Epoch: "admin/2026-03", Sum: make([]byte, 32)}}
	}
	return l
}

func index(i int64) *int64 { return &i }

// erasing is an erasure as it ought to be: asked for in entry 10, approved in 20,
// executed in 30.
func erasing(s audit.Scope) story {
	d := s.Digest()
	return story{
		10: by(ann, audit.Act{Kind: audit.EraseRequested, Digest: d, Scope: &s}),
		20: by(bob, audit.Act{Kind: audit.EraseApproved, Digest: d, Request: index(10)}),
		30: by(nil, audit.Act{Kind: audit.EraseExecuted, Digest: d, Request: index(10), Scope: &s}),
	}
}

// expiring is a month that expires under a standing policy: asked for in 10, approved
// in 20, executed in 30, which is years later.
func expiring(days int, epochs ...audit.Epoch) story {
	p := audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: days}}
	s := story{
		10: by(ann, audit.Act{Kind: audit.RetentionRequested, Digest: p.Digest(), Scope: &p}),
		20: by(bob, audit.Act{Kind: audit.RetentionApproved, Digest: p.Digest(), Request: index(10)}),
		30: by(nil, audit.Act{Kind: audit.RetentionExecuted, Digest: p.Digest(), Request: index(10), Scope: &audit.Scope{Epochs: epochs}}),
	}
	s[30].Time = began.AddDate(0, 1, days).UnixMicro() // as soon as the month of March may
	return s
}

var march = audit.Epoch{Tenant: acme, Epoch: "decision/2026-03"}

func judged(t *testing.T, s story) (a acts, faults []string) {
	t.Helper()
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	fault := func(f *Fault) { faults = append(faults, f.What) }
	for i := range int64(100) {
		l := s[i]
		if l == nil {
			continue
		}
		if l.Time == 0 {
			l.Time = began.Add(time.Duration(i) * time.Hour).UnixMicro()
		}
		b, err := mode.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.add(ActEntry{i, b}, fault); err != nil {
			t.Fatal(err)
		}
	}
	a.judge(fault)
	return a, faults
}

// Each rule of an act, by a story that breaks it and no other. "" is an act that counts.
func TestRules(t *testing.T) {
	person := audit.Scope{Refs: [][]byte{custA}}
	erase := func(change func(s story)) story {
		s := erasing(person)
		change(s)
		return s
	}
	scoped := func(scope audit.Scope, executed audit.Scope) story {
		s := erasing(scope)
		s[30].Act.Scope = &executed
		return s
	}
	expire := func(change func(s story)) story {
		s := expiring(200, march)
		change(s)
		return s
	}
	// replace puts a policy in that is newer, asked for in 22 and approved in 24.
	replace := func(change func(s story)) story {
		return expire(func(s story) {
			p := audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: 1000}}
			s[22] = by(ann, audit.Act{Kind: audit.RetentionRequested, Digest: p.Digest(), Scope: &p})
			s[24] = by(bob, audit.Act{Kind: audit.RetentionApproved, Digest: p.Digest(), Request: index(22)})
			change(s)
		})
	}
	early := func(l *audit.Leaf) { l.Act.Floor = began.Add(30*time.Hour).UnixMicro() + 1 }
	whole := audit.Scope{Refs: [][]byte{custA}, Epochs: []audit.Epoch{march}, Segments: []audit.Segment{{Index: 3, Place: 1}}}
	for name, c := range map[string]struct {
		s    story
		want string
	}{
		"proper":                 {erase(func(story) {}), ""},
		"less than approved":     {scoped(whole, person), ""},
		"all of it":              {scoped(whole, whole), ""},
		"another person":         {scoped(person, audit.Scope{Refs: [][]byte{custB}}), "wider"},
		"another month":          {scoped(whole, audit.Scope{Epochs: []audit.Epoch{{Tenant: acme, Epoch: "decision/2026-04"}}}), "wider"},
		"another tenant's month": {scoped(whole, audit.Scope{Epochs: []audit.Epoch{{Tenant: globex, Epoch: march.Epoch}}}), "wider"},
		"another entry":          {scoped(whole, audit.Scope{Segments: []audit.Segment{{Index: 4, Place: 1}}}), "wider"},
		"another place":          {scoped(whole, audit.Scope{Segments: []audit.Segment{{Index: 3, Place: 0}}}), "wider"},
		"classes":                {scoped(whole, audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: 1}}), "wider"},
		"an entry before":        {erasing(audit.Scope{Segments: []audit.Segment{{Index: 29}}}), ""},
		"itself":                 {erasing(audit.Scope{Segments: []audit.Segment{{Index: 30}}}), "not there yet"},
		"no scope":               {erase(func(s story) { s[30].Act.Scope = nil }), "does not say what"},
		"no request named":       {erase(func(s story) { s[30].Act.Request = nil }), "names no request"},
		"a request that is none": {erase(func(s story) { s[30].Act.Request = index(20) }), "entry 20 is no request"},
		"a request that is not there": {erase(func(s story) {
			s[12], s[30].Act.Request = by(ann, *s[10].Act), index(11)
		}), "entry 11 is no request"},
		"a request to come": {erase(func(s story) {
			s[40], s[30].Act.Request, s[20].Act.Request = s[10], index(40), index(40)
			delete(s, 10)
		}), "entry 40 is no request"},
		"a request of another kind": {erase(func(s story) { s[10].Act.Kind = audit.RetentionRequested }), "entry 10 is no request"},
		"a request without scope": {erase(func(s story) {
			var none *audit.Scope
			for _, l := range s {
				l.Act.Digest = none.Digest()
			}
			s[10].Act.Scope = nil
		}), "has not the digest of its scope"},
		"a request of another digest":  {erase(func(s story) { s[10].Act.Scope = &audit.Scope{Refs: [][]byte{custB}} }), "has not the digest of its scope"},
		"a request that did not come":  {erase(func(s story) { s[10].Outcome = audit.OutcomeDeny }), "entry 10 is no request"},
		"executed for another digest":  {erase(func(s story) { s[30].Act.Digest = whole.Digest() }), "of another scope than the request"},
		"executed in another tenant":   {erase(func(s story) { s[30].Tenant = globex }), "of another tenant than the request"},
		"executed for all tenants":     {erase(func(s story) { s[30].Tenant = nil }), "of another tenant than the request"},
		"no approval":                  {erase(func(s story) { delete(s, 20) }), "nobody has approved"},
		"an approval that failed":      {erase(func(s story) { s[20].Outcome = audit.OutcomeDeny }), "nobody has approved"},
		"an approval of another kind":  {erase(func(s story) { s[20].Act.Kind = audit.RetentionApproved }), "nobody has approved"},
		"an approval after it":         {erase(func(s story) { s[31] = s[20]; delete(s, 20) }), "nobody has approved"},
		"an approval before":           {erase(func(s story) { s[9] = s[20]; delete(s, 20) }), "nobody has approved"},
		"an approval of another scope": {erase(func(s story) { s[20].Act.Digest = whole.Digest() }), "of another scope"},
		"an approval elsewhere":        {erase(func(s story) { s[20].Tenant = globex }), "of another tenant"},
		"asked for by nobody":          {erase(func(s story) { s[10].Act.By = nil }), "not known by whom"},
		"approved by nobody":           {erase(func(s story) { s[20].Act.By, s[20].Segments[0].Ref = nil, []byte{} }), "not known by whom"},
		"approved under another name":  {erase(func(s story) { s[20].Act.By = carl }), "not known by whom"},
		"approved by who asked":        {erase(func(s story) { s[20] = by(ann, *s[20].Act) }), "by whoever asked"},
		"approved by a service":        {erase(func(s story) { s[20].Actor = string(model.CallerClient) }), "not by a person"},
		"approved by a clerk":          {erase(func(s story) { s[20].Roles = []string{"sales"} }), "not by an audit-admin"},
		"approved with a password":     {erase(func(s story) { s[20].Level = 1 }), "second factor"},
		"approved at no age":           {erase(func(s story) { s[20].Age = 0 }), "second factor"},
		"approved at an unknown age":   {erase(func(s story) { s[20].Age = -1 }), "second factor"},
		"approved at once":             {erase(func(s story) { s[20].Age = 1 }), ""},
		"approved in five minutes":     {erase(func(s story) { s[20].Age = 300 }), ""},
		"approved later":               {erase(func(s story) { s[20].Age = 301 }), "second factor"},
		"refused": {erase(func(s story) {
			s[25] = by(bob, audit.Act{Kind: audit.EraseRefused, Request: index(10)})
		}), "was refused in entry 25"},
		"refused, which is no success": {erase(func(s story) {
			s[25] = by(bob, audit.Act{Kind: audit.EraseRefused, Request: index(10)})
			s[25].Outcome = audit.OutcomeDeny
		}), "was refused in entry 25"},
		"refused after it": {erase(func(s story) { s[35] = by(bob, audit.Act{Kind: audit.EraseRefused, Request: index(10)}) }), ""},
		"refused before":   {erase(func(s story) { s[5] = by(bob, audit.Act{Kind: audit.EraseRefused, Request: index(10)}) }), ""},
		"approved by a second one": {erase(func(s story) {
			s[15] = by(ann, *s[20].Act)
		}), ""},
		"approved, and by a clerk": {erase(func(s story) {
			s[25] = by(carl, *s[20].Act)
			s[25].Roles = nil
		}), ""},
		"before the request's time":     {erase(func(s story) { early(s[10]) }), "not to be before"},
		"before the approval's time":    {erase(func(s story) { early(s[20]) }), "not to be before"},
		"before its own time":           {erase(func(s story) { early(s[30]) }), "not to be before"},
		"at its time":                   {erase(func(s story) { s[20].Act.Floor = began.Add(30 * time.Hour).UnixMicro() }), ""},
		"the time of a second approval": {erase(func(s story) { s[15] = by(carl, *s[20].Act); early(s[20]) }), ""},
		"who asked is destroyed": {erase(func(s story) {
			self := audit.Scope{Refs: [][]byte{ann}}
			s[12] = by(carl, audit.Act{Kind: audit.EraseRequested, Digest: self.Digest(), Scope: &self})
			s[13] = by(bob, audit.Act{Kind: audit.EraseApproved, Digest: self.Digest(), Request: index(12)})
			s[14] = by(nil, audit.Act{Kind: audit.EraseExecuted, Digest: self.Digest(), Request: index(12), Scope: &self})
		}), "may be by the same person"},
		"who asked is destroyed later": {erase(func(s story) {
			self := audit.Scope{Refs: [][]byte{ann}}
			s[12] = by(carl, audit.Act{Kind: audit.EraseRequested, Digest: self.Digest(), Scope: &self})
			s[13] = by(bob, audit.Act{Kind: audit.EraseApproved, Digest: self.Digest(), Request: index(12)})
			s[24] = by(nil, audit.Act{Kind: audit.EraseExecuted, Digest: self.Digest(), Request: index(12), Scope: &self})
		}), ""},
		"who asked was destroyed before": {erase(func(s story) { // and asks under the same name: it is REVIVED, and known who it is
			self := audit.Scope{Refs: [][]byte{ann}}
			s[2] = by(carl, audit.Act{Kind: audit.EraseRequested, Digest: self.Digest(), Scope: &self})
			s[3] = by(bob, audit.Act{Kind: audit.EraseApproved, Digest: self.Digest(), Request: index(2)})
			s[4] = by(nil, audit.Act{Kind: audit.EraseExecuted, Digest: self.Digest(), Request: index(2), Scope: &self})
		}), ""},

		"a month":             {expire(func(story) {}), ""},
		"a month too early":   {expire(func(s story) { s[30].Time-- }), "had not expired"},
		"after a million":     {expiring(mostDays, march), ""},
		"after more":          {expire(func(s story) { keep(s, mostDays+1) }), "had not expired"},
		"after less than one": {expire(func(s story) { keep(s, -1) }), "says nothing of"},
		"of another class":    {expiring(200, audit.Epoch{Tenant: acme, Epoch: "login/2026-03"}), "says nothing of login/2026-03"},
		"of no month":         {expiring(200, audit.Epoch{Tenant: acme, Epoch: "decision/soon"}), "says nothing of decision/soon"},
		"of another tenant":   {expiring(200, audit.Epoch{Tenant: globex, Epoch: march.Epoch}), "another tenant"},
		"of all tenants": {expire(func(s story) {
			for _, l := range s {
				l.Tenant = nil
			}
		}), ""},
		"a person beside it":        {expire(func(s story) { s[30].Act.Scope.Refs = [][]byte{custA} }), "is about months"},
		"an entry beside it":        {expire(func(s story) { s[30].Act.Scope.Segments = []audit.Segment{{Index: 3}} }), "is about months"},
		"a policy nobody approved":  {expire(func(s story) { delete(s, 20) }), "nobody has approved"},
		"a policy approved by one":  {expire(func(s story) { s[20] = by(ann, *s[20].Act) }), "by whoever asked"},
		"an approval of an erasure": {expire(func(s story) { s[20].Act.Kind = audit.EraseApproved }), "nobody has approved"},
		"a policy that is replaced": {replace(func(story) {}), "had been replaced by that of entry 22"},
		"replaced later": {replace(func(s story) {
			s[24].Act.Request = index(32)
			s[32], s[34] = s[22], s[24]
			delete(s, 22)
			delete(s, 24)
		}), ""},
		"replaced, and approved later": {replace(func(s story) { s[34] = s[24]; delete(s, 24) }), ""},
		"replaced before it was asked": {replace(func(s story) { s[21] = s[24]; delete(s, 24) }), ""},
		"replaced elsewhere":           {replace(func(s story) { s[22].Tenant, s[24].Tenant = globex, globex }), ""},
		"replaced by one alone":        {replace(func(s story) { s[24] = by(ann, *s[24].Act) }), ""},
		"replaced by nothing":          {replace(func(s story) { s[24].Act.Request = nil }), ""},
		"replaced by what is not there": {replace(func(s story) {
			s[24].Act.Request = index(23)
		}), ""},
		"an older policy approved again": {replace(func(s story) {
			s[8] = s[22]
			s[9], s[24].Act.Request = by(bob, *s[24].Act), index(8)
			s[9].Act.Request = index(8)
			delete(s, 22)
		}), ""},
		"an erasure approved since": {replace(func(s story) {
			s[22].Act.Kind, s[24].Act.Kind = audit.EraseRequested, audit.EraseApproved
		}), ""},
		"approved again itself": {expire(func(s story) { s[24] = by(bob, *s[20].Act) }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := judged(t, c.s)
			if c.want == "" && len(faults) > 0 || c.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], "entry 30: ") || !strings.Contains(faults[0], c.want)) {
				t.Errorf("want %q: %q", c.want, faults)
			}
		})
	}
}

// keep makes a policy keep what it is about for so many days.
func keep(s story, days int) {
	p := audit.Scope{Classes: map[audit.Class]int{audit.ClassDecision: days}}
	s[10].Act.Scope, s[10].Act.Digest, s[20].Act.Digest, s[30].Act.Digest = &p, p.Digest(), p.Digest(), p.Digest()
	s[30].Time = began.AddDate(4000, 0, 0).UnixMicro()
}

// What an act has destroyed is that of its scope, of entries before it, and of its
// tenant; and not what a hold keeps, or the law.
func TestDestroying(t *testing.T) {
	hold := func(at, lifted int64, change func(set, lift *audit.Leaf)) func(s story) {
		return func(s story) {
			scope := audit.Scope{Refs: [][]byte{custA}}
			s[at] = by(bob, audit.Act{Kind: audit.HoldSet, Digest: scope.Digest(), Scope: &scope})
			lift := by(carl, audit.Act{Kind: audit.HoldLifted, Digest: scope.Digest(), Request: index(at)})
			change(s[at], lift)
			if lifted > 0 {
				s[lifted] = lift
			}
		}
	}
	same := func(_, _ *audit.Leaf) {}
	leaf := skim.Leaf{Tenant: acme, Time: began.UnixMicro()}
	others := skim.Leaf{Tenant: globex, Time: began.UnixMicro()}
	ofA := skim.SegRef{Ref: custA, Epoch: []byte("decision/2026-03")}
	ofB := skim.SegRef{Ref: custB, Epoch: []byte("decision/2026-04")}
	person := audit.Scope{Refs: [][]byte{custA}}
	for name, c := range map[string]struct {
		scope  audit.Scope
		change func(s story)
		floor  time.Duration
		index  int64
		place  int
		leaf   skim.Leaf
		ref    skim.SegRef
		gone   bool   // it may be missing
		back   bool   // it must not be there
		why    string // where it must not be missing
	}{
		"a person":                    {scope: person, index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"a person, just before":       {scope: person, index: 29, leaf: leaf, ref: ofA, gone: true, back: true},
		"a person, later":             {scope: person, index: 31, leaf: leaf, ref: ofA, back: true},
		"another person":              {scope: person, index: 5, leaf: leaf, ref: ofB},
		"another tenant's":            {scope: person, index: 5, leaf: others, ref: ofA},
		"all tenants'":                {scope: person, change: func(s story) { s[10].Tenant, s[20].Tenant, s[30].Tenant = nil, nil, nil }, index: 5, leaf: others, ref: ofA, gone: true, back: true},
		"a month":                     {scope: audit.Scope{Epochs: []audit.Epoch{march}}, index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"another month":               {scope: audit.Scope{Epochs: []audit.Epoch{march}}, index: 5, leaf: leaf, ref: ofB},
		"an entry":                    {scope: audit.Scope{Segments: []audit.Segment{{Index: 5, Place: 1}}}, index: 5, place: 1, leaf: leaf, ref: ofB, gone: true, back: true},
		"another place":               {scope: audit.Scope{Segments: []audit.Segment{{Index: 5, Place: 1}}}, index: 5, leaf: leaf, ref: ofB},
		"another entry":               {scope: audit.Scope{Segments: []audit.Segment{{Index: 5, Place: 1}}}, index: 6, place: 1, leaf: leaf, ref: ofB},
		"by an act that is none":      {scope: person, change: func(s story) { delete(s, 20) }, index: 5, leaf: leaf, ref: ofA, why: "does not count: nobody has approved"},
		"later than one that is none": {scope: person, change: func(s story) { delete(s, 20) }, index: 35, leaf: leaf, ref: ofA},
		"old enough":                  {scope: person, floor: 30 * time.Hour, index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"too young":                   {scope: person, floor: 30*time.Hour + time.Microsecond, index: 5, leaf: leaf, ref: ofA, why: "it is kept for 1 days, and was 1 days old"},
		"later, and young":            {scope: person, floor: 90 * time.Hour, index: 31, leaf: leaf, ref: ofA, back: true},
		"under a hold":                {scope: person, change: hold(25, 0, same), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"under a hold of others":      {scope: person, change: hold(25, 0, func(set, _ *audit.Leaf) { set.Tenant = globex }), index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"under everybody's hold":      {scope: person, change: hold(25, 0, func(set, _ *audit.Leaf) { set.Tenant = nil }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"under a hold of nothing":     {scope: person, change: hold(25, 0, func(set, _ *audit.Leaf) { set.Act.Scope = nil }), index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"under another's hold":        {scope: person, change: hold(25, 0, func(set, _ *audit.Leaf) { set.Act.Scope.Refs = [][]byte{custB} }), index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"before a hold":               {scope: person, change: hold(35, 0, same), index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"after a hold":                {scope: person, change: hold(25, 28, same), index: 5, leaf: leaf, ref: ofA, gone: true, back: true},
		"before it was lifted":        {scope: person, change: hold(25, 35, same), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted before it was set":    {scope: person, change: hold(25, 24, same), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted by another act":       {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Act.Kind = audit.EraseApproved }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted elsewhere":            {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Tenant = globex }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted by nobody":            {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Act.By = nil }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted by a clerk":           {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Roles = nil }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"lifted at no age":            {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Age = 0 }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
		"not lifted, as it failed":    {scope: person, change: hold(25, 28, func(_, lift *audit.Leaf) { lift.Outcome = audit.OutcomeDeny }), index: 5, leaf: leaf, ref: ofA, why: "the hold of entry 25"},
	} {
		t.Run(name, func(t *testing.T) {
			s := erasing(c.scope)
			if c.change != nil {
				c.change(s)
			}
			a, _ := judged(t, s)
			a.floor = c.floor
			gone, back := a.destroying(c.index, c.place, &c.leaf, &c.ref, true), a.destroying(c.index, c.place, &c.leaf, &c.ref, false)
			if (gone != nil) != c.gone || (back != nil) != c.back {
				t.Errorf("may be missing: %v, want %v; must not be there: %v, want %v", gone != nil, c.gone, back != nil, c.back)
			}
			if why := a.why(c.index, c.place, &c.leaf, &c.ref); gone == nil && (c.why == "") != (why == "") || !strings.Contains(why, c.why) {
				t.Errorf("it says %q, want %q", why, c.why)
			}
		})
	}
}

// Acts come in order, and each is met in the log as it is listed.
func TestActsAreMet(t *testing.T) {
	s := erasing(audit.Scope{Refs: [][]byte{custA}})
	a, _ := judged(t, s)
	if err := a.add(ActEntry{Index: 30}, func(*Fault) {}); err == nil {
		t.Error("an act that was there already is one more")
	}
	mode, _ := cbor.CoreDetEncOptions().EncMode()
	meet := func(indices ...int64) (r Report) {
		a, _ := judged(t, s)
		for _, i := range indices {
			l := s[i]
			if l == nil {
				l = s[10]
			}
			b, err := mode.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			a.seen(&Item{Index: i, Leaf: b}, &r)
		}
		a.unseen(&r)
		return r
	}
	for want, r := range map[string]Report{
		"":                               meet(10, 20, 30),
		"entry 20 is listed as an act":   meet(10, 30),
		"entry 30 is listed as an act":   meet(10, 20),
		"entry 15 is an act, and is not": meet(10, 15, 20, 30),
		"entry 31 is an act, and is not": meet(10, 20, 30, 31),
	} {
		if want == "" && len(r.Faults) > 0 || want != "" && (len(r.Faults) != 1 || !strings.Contains(r.Faults[0].What, want)) {
			t.Errorf("want %q: %+v", want, r.Faults)
		}
	}
	met := s[20]
	a, _ = judged(t, s)
	r := Report{}
	b, _ := mode.Marshal(s[10])
	a.seen(&Item{Index: 10, Leaf: b}, &r)
	met.Level = 3
	b, _ = mode.Marshal(met)
	a.seen(&Item{Index: 20, Leaf: b}, &r)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].What, "entry 20 is another act than the one listed") {
		t.Errorf("%+v", r.Faults)
	}
}

// An act that cannot be read, and an entry that is none, are faults, and count as no act.
func TestActsThatAreNone(t *testing.T) {
	var faults []string
	fault := func(f *Fault) { faults = append(faults, f.What) }
	mode, _ := cbor.CoreDetEncOptions().EncMode()
	none := by(bob, audit.Act{})
	none.Act = nil
	b, err := mode.Marshal(none)
	if err != nil {
		t.Fatal(err)
	}
	var a acts
	for i, leaf := range [][]byte{{0}, b} {
		if err := a.add(ActEntry{int64(i), leaf}, fault); err != nil {
			t.Fatal(err)
		}
	}
	a.judge(fault)
	if len(faults) != 2 || !strings.Contains(faults[0], "entry 0 is an act that cannot be read") || !strings.Contains(faults[1], "entry 1 is listed as an act, and is none") {
		t.Errorf("%q", faults)
	}
}

// What destroys sealed data is the two executions, and nothing else.
func TestExecutes(t *testing.T) {
	mode, _ := cbor.CoreDetEncOptions().EncMode()
	for kind, want := range map[audit.ActKind]bool{audit.EraseExecuted: true, audit.RetentionExecuted: true, audit.EraseApproved: false, audit.HoldSet: false, "": false} {
		l := by(bob, audit.Act{Kind: kind})
		if kind == "" {
			l.Act = nil
		}
		b, err := mode.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if executes(b) != want || executes(b[1:]) {
			t.Errorf("%q: %v, want %v", kind, !want, want)
		}
	}
}
