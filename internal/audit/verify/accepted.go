package verify

import (
	"bytes"
	"fmt"

	"rolegate/internal/audit/tree"
)

// Accepted is a log as it was when somebody answered for its entries, which do not make
// the tree that it was said to have. As long as they are the same, byte for byte, the
// tree is taken to go on from the latter: whatever is altered later, before there or
// behind, is found like in any other log.
type Accepted struct {
	Size     int64  `json:"size"`
	Root     []byte `json:"root"`     // of the tree over the entries
	Frontier []byte `json:"frontier"` // of the tree that the log was said to have
}

// Answer is what is to be given as Options.Accepted from now on, once somebody has
// answered for what a report has found.
func (r Report) Answer() []Accepted {
	if r.Parted == nil {
		return r.Answered
	}
	return append(r.Answered[:len(r.Answered):len(r.Answered)], *r.Parted)
}

// answered goes on from what somebody has answered for, if it is as it was then.
func (g *grown) answered() {
	for _, a := range g.run.o.Accepted {
		if a.Size == g.size() {
			g.goOn(a)
		}
	}
}

func (g *grown) goOn(a Accepted) {
	r := &g.run.report
	said, err := tree.ParseFrontier(a.Size, a.Frontier)
	switch own := g.entries.Root(); {
	case err != nil || bytes.Equal(own, said.Root()) && !bytes.Equal(own, a.Root):
		return // it was put right
	case !bytes.Equal(own, a.Root):
		f := &Fault{Status: Tamper, Index: 0, End: max(a.Size, 1), What: fmt.Sprintf("the first %s are not as they were when somebody answered for them", entries(a.Size))}
		r.known(f)
		return
	}
	if !bytes.Equal(g.frontier.Root(), said.Root()) {
		g.parted = append(g.parted, g.another(a.Size))
	}
	g.run.kept.answered(r)
	g.frontier, g.from, g.broken = said, a.Size, false
	r.Answered = append(r.Answered, a)
}

func (g *grown) another(size int64) *Fault {
	return &Fault{Status: Tamper, Index: g.good, End: size, What: "the tree over all entries is not the one the log is said to have"}
}

// said holds the tree over all entries against what the log says of itself.
func (g *grown) said(about About) {
	r := &g.run.report
	if !bytes.Equal(g.frontier.Root(), about.Root) {
		g.parted = append(g.parted, g.another(g.size()))
		g.broken = true
	}
	for _, f := range g.parted {
		r.fault(f)
	}
	if g.broken && about.Frontier != nil {
		r.Parted = &Accepted{r.Size, r.Root, about.Frontier}
	}
}

// across is a full tile, as the entries make it and as it is stored, that is also of
// entries somebody has answered for: their own hashes are not known, but that of all.
type across struct{ want, got []byte }

// answeredTile holds such a tile against the hash of its subtree.
func (g *grown) answeredTile(at int, n int64, root []byte) {
	l := g.levels[at]
	t := l.across
	if t == nil {
		return
	}
	l.across = nil
	if len(t.got) == len(t.want) && bytes.Equal(tree.Perfect(t.got), root) {
		g.run.report.Tiles++
		return
	}
	g.differs(at, n, t.want, t.got)
}
