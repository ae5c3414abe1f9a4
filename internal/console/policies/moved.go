package policies

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"

	"rolegate/internal/change"
	"rolegate/internal/console/page"
	"rolegate/internal/policy/rewrite"
)

// pack puts a text into a form: what its reader saw, so that they can be told what
// somebody else has changed since. It proves nothing, and is only ever shown to, or
// merged with what comes from, whoever sent it.
func pack(text string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
	io.WriteString(z, text)                         // into memory
	z.Close()
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// unpack is the text of pack, of no more than a policy may have.
func (p *pages) unpack(packed string) (text string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(packed)
	if err != nil {
		return "", false
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", false
	}
	out, err := io.ReadAll(io.LimitReader(z, min(p.Limits.Policy, maxSeen)+1))
	if err != nil || int64(len(out)) > min(p.Limits.Policy, maxSeen) {
		return "", false
	}
	return string(out), true
}

// maxSeen bounds what a form may make us unpack.
const maxSeen = 16 << 20

// moved is an error if the form was made of another version of the draft.
func (p *pages) moved(v *page.Visit, d *desk) error {
	version, err := strconv.ParseInt(v.Form("version"), 10, 64)
	if err == nil && version == d.Draft.Version {
		return nil
	}
	return &change.Moved{Now: *d.Draft, Seen: version}
}

// movedPage tells an editor what another has changed meanwhile, and holds what was
// entered, to be sent once more on top of it.
type movedPage struct {
	*desk
	By     string
	To     string // where the form goes
	Fields []page.Field
	Theirs []rewrite.Hunk
	Known  bool // what was seen, and so what is different
}

// again shows that somebody else was first, with the draft as it is by now.
func (p *pages) again(v *page.Visit, d *desk, err error) error {
	now, failed := p.draft(v, d.officer)
	if failed != nil {
		return failed
	}
	return v.Again(err, "moved.html", p.movedPage(v, now))
}

func (p *pages) movedPage(v *page.Visit, now *desk) *movedPage {
	m := &movedPage{desk: now, By: now.Draft.EditedBy, To: v.R.URL.RequestURI()}
	var seen string
	if seen, m.Known = p.unpack(v.Raw("seen")); m.Known {
		m.Theirs = rewrite.Compare(seen, now.Text)
	}
	for name, values := range v.R.PostForm {
		if name == "version" || name == "seen" || strings.HasPrefix(name, "_") {
			continue
		}
		for _, value := range values {
			m.Fields = append(m.Fields, page.Field{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(m.Fields, func(a, b page.Field) int { return strings.Compare(a.Name, b.Name) })
	m.Fields = append(m.Fields, page.Field{Name: "version", Value: strconv.FormatInt(now.Draft.Version, 10)}, page.Field{Name: "seen", Value: pack(now.Text)})
	return m
}
