package policies

import (
	"crypto/sha256"
	"errors"
	"net/url"
	"sync"

	"rolegate/internal/administration"
	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/policy"
	"rolegate/model"
)

// desk is a document with all that its pages need: the policy in force, or a draft.
type desk struct {
	Base       string          // where its pages are
	Draft      *change.Draft   // nil for the policy in force
	InForce    change.Revision // of the policy in force, where it is that
	Text       string
	Vocabulary administration.Vocabulary
	Editable   bool // by whoever looks at it
	*reading

	officer *administration.Officer
	May     bool // make and change drafts
}

// reading is a text as it was read.
type reading struct {
	Doc *policy.Document // nil where it has bad rows
	Bad []model.Detail   // each of them
	*index
}

func (p *pages) inForce(v *page.Visit, o *administration.Officer) (*desk, error) {
	r, err := o.Policy(v.Context())
	if err != nil {
		return nil, err
	}
	return p.desk(v, o, &desk{Base: Home, InForce: r, Text: r.Text})
}

func (p *pages) draft(v *page.Visit, o *administration.Officer) (*desk, error) {
	draft, err := o.Draft(v.Context(), v.Param("id"))
	if err != nil {
		return nil, err
	}
	return p.desk(v, o, &desk{Base: baseOf(draft.ID), Draft: &draft, Text: draft.Document})
}

func baseOf(draft string) string { return Drafts + "/" + url.PathEscape(draft) }

func (p *pages) desk(v *page.Visit, o *administration.Officer, d *desk) (*desk, error) {
	words, err := o.Vocabulary(v.Context())
	if err != nil {
		return nil, err
	}
	d.officer, d.Vocabulary = o, words
	d.May = v.May(administration.Policies, administration.Import)
	d.Editable = d.Draft != nil && d.Draft.State.Open() && d.May
	d.reading, err = p.reading(v, d.Text, words.Catalog)
	return d, err
}

// reading reads a text, or finds it read. The error is none about its rows.
func (p *pages) reading(v *page.Visit, text string, cat *policy.Catalog) (*reading, error) {
	key := cacheKey{sha256.Sum256([]byte(text)), cat}
	if r := p.read.find(key); r != nil {
		return r, nil
	}
	r := &reading{}
	doc, err := policy.ParseFor(text, cat, p.Limits)
	bad, _ := errors.AsType[*model.Error](err)
	switch {
	case err == nil && len(doc.Members) == 0:
		r.Doc, r.index = doc, newIndex(doc, cat)
	case err == nil:
		for _, m := range doc.Members {
			r.Bad = append(r.Bad, model.Detail{Line: m.Line, Column: 1, Reason: model.Verbatim(v.T("bad.member", "member", m.Member, "role", m.Role))})
		}
		return r, nil // said in the reader's language
	case bad != nil && bad.Code == model.CodePolicyInvalid:
		r.Bad = bad.Details
	default:
		return nil, err
	}
	p.read.keep(key, r, len(text))
	return r, nil
}

// whole is the desk where all rows are good; a text with bad ones is first mended.
func (d *desk) whole() bool { return d.Doc != nil }

// cache keeps the last texts that were read: pages of one document follow each other,
// and reading one of a megabyte takes a tenth of a second.
type cache struct {
	mu   sync.Mutex
	kept []cached // the last used last
	size int
}

type cacheKey struct {
	text    [sha256.Size]byte
	catalog *policy.Catalog
}

type cached struct {
	cacheKey
	*reading
	size int
}

// maxCached bounds the texts that are kept, in bytes; what is made of one takes about
// ten times as much.
const maxCached = 8 << 20

func (c *cache) find(key cacheKey) *reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.kept {
		if k.cacheKey == key {
			c.kept = append(append(c.kept[:i:i], c.kept[i+1:]...), k)
			return k.reading
		}
	}
	return nil
}

func (c *cache) keep(key cacheKey, r *reading, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, cached{key, r, size})
	for c.size += size; c.size > maxCached && len(c.kept) > 0; {
		c.size -= c.kept[0].size
		c.kept = c.kept[1:]
	}
}
