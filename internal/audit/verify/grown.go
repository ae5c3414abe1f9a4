package verify

import (
	"bytes"
	"context"
	"fmt"

	"rolegate/internal/audit/tree"
	"rolegate/internal/store"
)

// grown is the tree as it grows with the entries, held against checkpoints and
// tiles on the way.
type grown struct {
	run      *run
	entries  *tree.Frontier // over the entries as they are
	frontier *tree.Frontier // what checkpoints are held against: entries, as far as nobody has answered for others
	from     int64          // where the frontier begins to be another
	parted   []*Fault       // where it did, for the end
	good     int64          // the largest size at which a checkpoint matched
	broken   bool           // the last checkpoint or the head did not match: from good on the log itself shows another tree

	checkpoints *pulled[store.Checkpoint]
	levels      []*level
	last        int64 // size of the last checkpoint
}

// Levels is how many levels of tiles there may be.
const Levels = 8

// tileLevels is how many levels of the tree lie in one tile.
const tileLevels = 8

// level is one of tiles.
type level struct {
	n      int64  // the tile that fills
	hashes []byte // of it that are known
	filled int    // hashes of it that were passed
	tiles  *pulled[store.Tile]
	lost   []int64 // full tiles that are not there
	across *across // the tile that has just been filled, if some of its entries are answered for
}

func growTree(ctx context.Context, source Source, r *run) *grown {
	g := &grown{run: r, frontier: tree.NewFrontier(), checkpoints: pull(source.Checkpoints(ctx))}
	g.entries = g.frontier
	for n := range Levels {
		g.levels = append(g.levels, &level{tiles: pull(source.Tiles(ctx, n))})
	}
	return g
}

func (g *grown) stop() {
	g.checkpoints.stop()
	for _, l := range g.levels {
		l.tiles.stop()
	}
}

func (g *grown) size() int64 { return g.frontier.Size() }

// leaf adds an entry; nil for one whose hash nobody knows.
func (g *grown) leaf(hash []byte) error {
	index := g.size()
	if hash == nil {
		hash = make([]byte, tree.HashSize)
		g.run.order.skipped(1)
	}
	g.run.kept.leaf(index, hash, &g.run.report)
	if g.entries != g.frontier {
		g.entries.Append(hash, nil)
	}
	var err error
	g.frontier.Append(hash, func(n tree.Node, hash []byte) {
		if n.Level%tileLevels == 0 && err == nil {
			err = g.node(n, hash)
		}
	})
	if err != nil {
		return err
	}
	return g.reached()
}

func (g *grown) omitted(n int64, hashes []byte) error {
	var err error
	failed := g.frontier.AppendOmitted(n, bytes.Clone(hashes), func(n tree.Node, hash []byte) {
		if n.Level%tileLevels == 0 && err == nil {
			err = g.node(n, hash)
		}
	})
	if failed != nil {
		return Malformed("entry %d: %v", g.size(), failed)
	}
	if err != nil {
		return err
	}
	return g.reached()
}

// node takes a hash that lies in a tile.
func (g *grown) node(n tree.Node, hash []byte) error {
	at := int(n.Level) / tileLevels
	if at > 0 {
		g.answeredTile(at-1, int64(n.Index), hash)
	}
	if at >= len(g.levels) {
		return nil
	}
	l, tile, place := g.levels[at], int64(n.Index)/tree.TileWidth, int(int64(n.Index)%tree.TileWidth)
	if tile != l.n || place != l.filled { // some are left out
		l.n, l.hashes = tile, nil
		if place > 0 {
			l.filled = place + 1
			return nil // the tile cannot be known
		}
		l.filled = 0
	}
	if l.filled == len(l.hashes)/tree.HashSize {
		l.hashes = append(l.hashes, hash...)
	}
	if l.filled++; l.filled < tree.TileWidth {
		return nil
	}
	whole := l.hashes
	l.n, l.hashes, l.filled = tile+1, l.hashes[:0], 0
	if len(whole) < tree.TileWidth*tree.HashSize {
		return nil
	}
	return g.tile(at, tile, whole)
}

// tile holds a full tile against the stored one.
func (g *grown) tile(at int, n int64, hashes []byte) error {
	l := g.levels[at]
	for {
		stored, ok, err := l.tiles.peek()
		if err != nil {
			return err
		}
		if !ok || stored.N > n {
			l.lost = append(l.lost, n)
			return nil
		}
		l.tiles.take()
		if stored.N < n {
			g.strange(at, &stored)
			continue
		}
		switch first, _ := Span(at, n); {
		case first < g.from:
			l.across = &across{bytes.Clone(hashes), bytes.Clone(stored.Hashes)}
		case bytes.Equal(hashes, stored.Hashes):
			g.run.report.Tiles++
		default:
			g.differs(at, n, hashes, stored.Hashes)
		}
		return nil
	}
}

func path(at int, n int64) string { return tree.Tile{Level: at, N: n, Width: tree.TileWidth}.Path() }

// Span is what entries a full tile is about; -1 where there cannot be so many.
func Span(at int, n int64) (first, end int64) {
	shift := (at + 1) * tileLevels
	if n < 0 || shift > 62 || n > 1<<(62-shift) {
		return -1, -1
	}
	return n << shift, (n + 1) << shift
}

// differs names the entries at which a tile does.
func (g *grown) differs(at int, n int64, want, got []byte) {
	first, end := Span(at, n)
	named := false
	for i := 0; at == 0 && len(want) == len(got) && i < len(want); i += tree.HashSize {
		index := first + int64(i/tree.HashSize)
		if one, other := want[i:i+tree.HashSize], got[i:i+tree.HashSize]; !bytes.Equal(one, other) {
			g.run.report.fault(Tampered(index, "entry %d is not the one whose hash is in %s: one of the two was altered", index, path(at, n)).of(one, other))
			named = true
		}
	}
	if !named {
		f := &Fault{Status: Tamper, Index: first, End: end, What: path(at, n) + " does not hold the hashes of the tree"}
		g.run.report.fault(f.of(want, got))
	}
}

// strange is a tile that the tree has not, or not as far as it is known.
func (g *grown) strange(at int, t *store.Tile) {
	first, end := Span(at, t.N)
	f := &Fault{Status: Tamper, Index: first, End: end, What: path(at, t.N) + " is there, and the entries it is about are not"}
	g.run.report.fault(f.of(t.Hashes))
}

// reached holds the tree against the checkpoints of its size.
func (g *grown) reached() error {
	for {
		c, ok, err := g.checkpoints.peek()
		if err != nil {
			return err
		}
		if !ok || c.Size > g.size() {
			g.run.kept.reached(g.size(), g.frontier.Root, &g.run.report)
			g.answered()
			return nil
		}
		g.checkpoints.take()
		if err := g.checkpoint(&c); err != nil {
			return err
		}
	}
}

func (g *grown) checkpoint(c *store.Checkpoint) error {
	r := &g.run.report
	tampered := func(format string, args ...any) error {
		f := &Fault{Status: Tamper, Index: g.good, End: max(c.Size, g.good+1), What: fmt.Sprintf(format, args...)}
		r.fault(f.of(c.Note))
		return nil
	}
	if c.Size < g.last || g.last > 0 && c.Size == g.last || c.Size < g.size() {
		return tampered("the checkpoint of size %d cannot be held against the tree: it is out of order, or among entries that are left out", c.Size)
	}
	g.last = c.Size
	note, err := parseCheckpoint(c.Note)
	if err != nil {
		return tampered("the checkpoint of size %d cannot be read: %v", c.Size, err)
	}
	switch {
	case note.size != c.Size:
		return tampered("the checkpoint of size %d is stored as one of size %d", note.size, c.Size)
	case note.origin != g.run.about.Origin:
		return tampered("the checkpoint of size %d is one of the log %q, not of %q", c.Size, note.origin, g.run.about.Origin)
	}
	signed, err := g.run.o.Policy.check(note)
	if err != nil {
		return tampered("the checkpoint of size %d: %v", c.Size, err)
	}
	if !bytes.Equal(note.root, g.frontier.Root()) {
		if signed.witnessed {
			f := &Fault{Status: Diverge, Index: g.good, End: c.Size, What: fmt.Sprintf("witnesses have signed another tree of %s: the entries are not those they saw", entries(c.Size))}
			r.fault(f.of(note.root, g.frontier.Root()))
		} else if !g.broken {
			f := &Fault{Status: Tamper, Index: g.good, End: max(c.Size, g.good+1), What: fmt.Sprintf("the checkpoint of size %d is of another tree: an entry from %d on was altered, taken away or put in, or the checkpoint was", c.Size, g.good)}
			r.fault(f.of(note.root, g.frontier.Root()))
		}
		g.broken = true
		return nil
	}
	g.good, g.broken = c.Size, false
	r.Checkpoints++
	if signed.log {
		r.Signed++
	}
	if signed.witnessed {
		r.Anchors.Witnessed = c.Size
	}
	return nil
}

// end says what is there of a tree that the entries do not make, and what is not.
func (g *grown) end() error {
	r := &g.run.report
	r.Size, r.Root = g.size(), g.entries.Root()
	for {
		c, ok, err := g.checkpoints.peek()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		g.checkpoints.take()
		f := &Fault{Status: Tamper, Index: g.size(), End: max(c.Size, g.size()+1), What: fmt.Sprintf("there is a checkpoint of %s, and the log has %d: its end was cut off", entries(c.Size), g.size()), same: fmt.Sprint("behind the end: is a checkpoint of ", c.Size)}
		r.fault(f.of(c.Note))
	}
	for at, l := range g.levels {
		for {
			t, ok, err := l.tiles.peek()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			l.tiles.take()
			g.strange(at, &t)
		}
		g.missing(at, l)
	}
	return nil
}

// missing reports tiles that a checkpoint's tree has and that are not there. Those
// that only the entries behind the last checkpoint fill may yet come.
func (g *grown) missing(at int, l *level) {
	for _, n := range l.lost {
		if first, end := Span(at, n); end <= g.last && first >= g.run.about.From && end <= g.run.about.To {
			g.run.report.fault(&Fault{Status: Tamper, Index: first, End: end, What: path(at, n) + " is missing"})
		}
	}
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprint(n, " entries")
}
