package search

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"sort"
	"strconv"

	"rolegate/internal/audit"
	"rolegate/internal/store"
)

// Summaries say what a run of entries may have in it, so that a search steps over
// runs without looking at them. A summary has the times of its oldest and newest
// entry, whatever order they are in, and sets of fingerprints: of the tenants, of
// each thing a tenant's entry can be found by, and, at level 0, of its request ids. A
// fingerprint that is not in its set was in no entry; one that is may be another's.
// Beside them are its totals, which Count adds up.
const levels = 3 // of 256, 65,536 and 16,777,216 entries

// bits is the logarithm of how many entries are in a summary of level 0, and how many
// summaries in one of the next. Only tests, which have few entries, change it.
var bits = 8

func width() int64 { return 1 << bits }

// maxKeys bounds the fingerprints of a summary but for those of tenants. One that
// would have more has none, and says nothing of what is in it but whose.
const maxKeys = 1 << 16

// maxTotals bounds the tenants whose totals a summary of a higher level has: with more
// it has none, and those below are asked.
const maxTotals = 1 << 12

// anything is the summary of what could not be read: it may have whatever is asked for.
func anything(level int, n int64) store.Summary {
	return store.Summary{Level: level, N: n, Oldest: minTime, Newest: maxTime}
}

// summarize gives the summary of level 0 of a run of entries.
func summarize(n int64, leaves []store.Numbered) store.Summary {
	s := store.Summary{N: n, Oldest: maxTime, Newest: minTime}
	var tenants, keys, requests set
	totals := tenantsTotals{}
	for _, stored := range leaves {
		l, err := audit.Decode(stored.Leaf)
		if err != nil {
			return anything(0, n)
		}
		s.Oldest, s.Newest = min(s.Oldest, l.Time), max(s.Newest, l.Time)
		tenants = append(tenants, fingerprint(l.Tenant, 0, ""))
		keys = append(keys, keysOf(&l)...)
		totals.add(l.Tenant, totalsOf(&l))
		if l.Request != "" {
			requests = append(requests, fingerprint(l.Tenant, byRequest, l.Request))
		}
	}
	if int64(len(leaves)) < width() {
		return anything(0, n)
	}
	s.Tenants, s.Keys, s.Requests = tenants.bytes(), keys.bytes(), requests.bytes()
	s.Totals = totals.bytes()
	return s
}

// above gives the summary of neighbouring ones of the level below.
func above(level int, n int64, below []store.Summary) store.Summary {
	s := store.Summary{Level: level, N: n, Oldest: maxTime, Newest: minTime}
	var tenants, keys set
	dropped, totals, counted := false, tenantsTotals{}, true
	for _, b := range below {
		if len(b.Tenants) == 0 {
			return anything(level, n)
		}
		s.Oldest, s.Newest = min(s.Oldest, b.Oldest), max(s.Newest, b.Newest)
		tenants = tenants.with(b.Tenants)
		keys = keys.with(b.Keys)
		dropped = dropped || len(b.Keys) == 0
		counted = eachTotals(b.Totals, totals.add) && counted
	}
	if int64(len(below)) < width() {
		return anything(level, n)
	}
	s.Tenants, s.Keys = tenants.bytes(), keys.bytes()
	if dropped || len(s.Keys) > maxKeys*size {
		s.Keys = nil
	}
	if counted && len(totals) <= maxTotals {
		s.Totals = totals.bytes()
	}
	return s
}

// A key is one thing that an entry can be found by.
const (
	byClass = 1 + iota
	byActivity
	byOutcome
	byCode
	byObject
	byOp
	byRule
	byRevision
	byService
	byRequest // apart from the others, at level 0 only
)

func keysOf(l *audit.Leaf) set {
	k := keys{tenant: l.Tenant}
	k.add(byClass, string(l.Class))
	k.add(byActivity, string(l.Activity))
	k.add(byService, l.Service)
	k.number(byRevision, l.Revision)
	k.member(&audit.Item{Outcome: l.Outcome, Code: l.Code, Object: l.Object, Op: l.Op, Rule: l.Rule})
	for i := range l.Items {
		k.member(&l.Items[i])
	}
	return k.set
}

// keys are those that an entry must have to be what is looked for.
func (f *Filter) keys() set {
	k := keys{tenant: f.Tenant}
	k.add(byClass, string(f.Class))
	k.add(byActivity, string(f.Activity))
	k.add(byService, f.Service)
	k.number(byRevision, f.Revision)
	k.member(&audit.Item{Outcome: f.Outcome, Code: f.Code, Object: f.objectType(), Op: f.Op, Rule: f.Rule})
	return k.set
}

// keys gathers the fingerprints of what is there.
type keys struct {
	tenant []byte
	set    set
}

func (k *keys) add(what byte, value string) {
	if value != "" {
		k.set = append(k.set, fingerprint(k.tenant, what, value))
	}
}

func (k *keys) number(what byte, value int64) {
	if value != 0 {
		k.add(what, strconv.FormatInt(value, 10))
	}
}

func (k *keys) member(i *audit.Item) {
	k.add(byOutcome, string(i.Outcome))
	k.add(byCode, string(i.Code))
	k.add(byObject, i.Object)
	k.add(byOp, i.Op)
	k.add(byRule, i.Rule)
}

// wanted is a filter as summaries are asked.
type wanted struct {
	from, until       int64
	openEnd           bool
	tenant            uint32
	keys              set
	request           uint32
	hasRequest, times bool
}

func (f *Filter) wanted() wanted {
	return wanted{from: f.from(), until: f.until(), openEnd: f.Until.IsZero(), tenant: fingerprint(f.Tenant, 0, ""), keys: f.keys(),
		request: fingerprint(f.Tenant, byRequest, f.Request), hasRequest: f.Request != ""}
}

// detail is how much of summaries has to be read to ask them.
func (w *wanted) detail(level int) store.Detail {
	switch {
	case w.times:
		return store.TimesOnly
	case w.hasRequest && level == 0:
		return store.WithRequests
	}
	return store.WithKeys
}

// mayBeIn tells whether what is looked for may be among the entries of a summary.
func (w *wanted) mayBeIn(s *store.Summary) bool {
	if s.Newest < w.from || !w.openEnd && s.Oldest >= w.until {
		return false
	}
	if w.times || len(s.Tenants) == 0 {
		return true
	}
	if !has(s.Tenants, w.tenant) {
		return false
	}
	for _, k := range w.keys {
		if len(s.Keys) > 0 && !has(s.Keys, k) {
			return false
		}
	}
	return !w.hasRequest || s.Level > 0 || has(s.Requests, w.request)
}

// set is fingerprints; stored, they are in order, each once, size bytes each.
type set []uint32

const size = 4

func (s set) bytes() []byte {
	slices.Sort(s)
	s = slices.Compact(s)
	b := make([]byte, 0, len(s)*size)
	for _, v := range s {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// with adds stored ones. It now and then leaves doubles out, so that it stays as
// small as what is in it.
func (s set) with(stored []byte) set {
	for ; len(stored) >= size; stored = stored[size:] {
		s = append(s, binary.BigEndian.Uint32(stored))
	}
	if len(s) > 4*maxKeys {
		slices.Sort(s)
		s = slices.Compact(s)
	}
	return s
}

func has(stored []byte, v uint32) bool {
	n := len(stored) / size
	at := sort.Search(n, func(i int) bool { return binary.BigEndian.Uint32(stored[i*size:]) >= v })
	return at < n && binary.BigEndian.Uint32(stored[at*size:]) == v
}

// fingerprint is short, and the same in every process and release. The tenant's ref,
// which no other tenant knows, is in each, so that how much a search looks at tells
// nothing of what others have. Nothing rests on
// its being hard to forge: whoever makes two things share one makes searches look
// at more.
func fingerprint(tenant []byte, what byte, value string) uint32 {
	h := fnv.New64a()
	h.Write([]byte{byte(len(tenant))})
	h.Write(tenant)
	h.Write([]byte{what})
	h.Write([]byte(value))
	sum := h.Sum64()
	return uint32(sum) ^ uint32(sum>>32)
}
