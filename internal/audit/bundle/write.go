package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"slices"
	"time"

	"rolegate/internal/audit/skim"
	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/audit/wire"
	"rolegate/internal/store"
)

// Selection is what a bundle holds whole. Its zero value is everything.
type Selection struct {
	// Range: entries of From to To, if To is not 0.
	From, To int64
	// Tenant: those of a tenant, by its ref.
	Tenant []byte
	// Sizes of trees that it must be possible to recompute beside those within the
	// range: those of checkpoints that an auditor has kept.
	Sizes  []int64
	MadeAt time.Time
	MadeBy string
}

// Written says what Write wrote.
type Written struct {
	Size    int64 `json:"size"`    // of the tree
	From    int64 `json:"from"`    // whole entries
	To      int64 `json:"to"`      //
	Entries int64 `json:"entries"` // that are whole
	Foreign int64 `json:"foreign"` // of which there is the hash alone
	Omitted int64 `json:"omitted"` // that are left out
}

// Write writes a bundle of the source. What is wrong with it is written as it is,
// for whoever verifies the bundle.
func Write(ctx context.Context, source verify.Source, s Selection, to Sink) (Written, error) {
	about, err := source.About(ctx)
	if err != nil {
		return Written{}, err
	}
	if s.To == 0 || s.To > about.Size {
		s.To = about.Size
	}
	s.From = max(0, min(s.From, s.To))
	w := &writer{source: source, sink: to, s: s, about: about, whole: s.From == 0 && s.To == about.Size,
		written: Written{Size: about.Size, From: s.From, To: s.To}}
	sum, err := w.checkpoints(ctx)
	if err != nil {
		return Written{}, err
	}
	if err := w.acts(ctx); err != nil {
		return Written{}, err
	}
	if err := w.entries(ctx); err != nil {
		return Written{}, err
	}
	if err := w.tiles(ctx); err != nil {
		return Written{}, err
	}
	m := Manifest{Format: Format, Origin: about.Origin, Size: about.Size, Root: about.Root, From: s.From, To: s.To,
		Tenant: hex.EncodeToString(s.Tenant), Checkpoints: sum, MadeAt: s.MadeAt.UTC(), MadeBy: s.MadeBy}
	return w.written, to.File(manifestFile, m.encode())
}

// writer is one bundle in the making.
type writer struct {
	source verify.Source
	sink   Sink
	s      Selection
	about  verify.About
	whole  bool // nothing is left out

	written Written
	cuts    []int64 // sizes at which a run of what is left out must end
	run     *tree.Omitted
	leaf    skim.Leaf
}

// chunks writes items to the numbered files of a directory.
type chunks struct {
	sink Sink
	dir  string
	buf  []byte
	n    int
	sum  hash.Hash // of all files; nil for none
}

func (c *chunks) put(item []byte) error {
	c.buf = append(c.buf, item...)
	if len(c.buf) < chunkSize {
		return nil
	}
	return c.flush()
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	if c.sum != nil {
		c.sum.Write(c.buf)
	}
	err := c.sink.File(chunkName(c.dir, c.n), c.buf)
	c.buf, c.n = c.buf[:0], c.n+1
	return err
}

func chunkName(dir string, n int) string { return fmt.Sprintf("%s/%06d.cborseq", dir, n) }

// checkpoints writes those that the bundle's tree comes to, and settles where runs
// of what is left out have to end for that.
func (w *writer) checkpoints(ctx context.Context) (sum []byte, err error) {
	c := &chunks{sink: w.sink, dir: checkpointsDir, sum: sha256.New()}
	w.cuts = slices.Clone(w.s.Sizes)
	var last []byte
	var item []byte
	put := func(cp store.Checkpoint) error {
		last = append(last[:0], cp.Note...)
		item = wire.AppendHead(item[:0], wire.Array, 2)
		item = wire.AppendBytes(wire.AppendInt(item, cp.Size), cp.Note)
		return c.put(item)
	}
	var held *store.Checkpoint // the newest so far that was not written
	passed := false            // the range has its first checkpoint behind it
	for cp, err := range w.source.Checkpoints(ctx) {
		if err != nil {
			return nil, err
		}
		if !w.wants(cp.Size, &passed) {
			held = &store.Checkpoint{Size: cp.Size, Note: bytes.Clone(cp.Note)}
			continue
		}
		held = nil
		if cp.Size > w.s.To {
			w.cuts = append(w.cuts, cp.Size)
		}
		if err := put(cp); err != nil {
			return nil, err
		}
	}
	if held != nil {
		w.cuts = append(w.cuts, held.Size)
		if err := put(*held); err != nil {
			return nil, err
		}
	}
	slices.Sort(w.cuts)
	if err := c.flush(); err != nil {
		return nil, err
	}
	if last != nil {
		err = w.sink.File(checkpointFile, last)
	}
	return c.sum.Sum(nil), err
}

// wants tells whether a checkpoint is one of the bundle's: all within the range, the
// first behind it, and those asked for. The last is so in any case.
func (w *writer) wants(size int64, passed *bool) bool {
	switch {
	case w.whole || size >= w.s.From && size <= w.s.To || slices.Contains(w.s.Sizes, size):
		*passed = *passed || size == w.s.To
		return true
	case size > w.s.To && !*passed:
		*passed = true
		return true
	}
	return false
}

// acts writes those the bundle holds.
func (w *writer) acts(ctx context.Context) error {
	c := &chunks{sink: w.sink, dir: actsDir}
	var item []byte
	for a, err := range w.source.Acts(ctx) {
		if err != nil {
			return err
		}
		if !w.holds(a.Leaf) {
			continue
		}
		item = wire.AppendHead(item[:0], wire.Array, 2)
		item = wire.AppendBytes(wire.AppendInt(item, a.Index), a.Leaf)
		if err := c.put(item); err != nil {
			return err
		}
	}
	return c.flush()
}

// holds tells whether an act concerns the bundle: one of its tenant, or of none.
func (w *writer) holds(leaf []byte) bool {
	return w.leaf.Read(leaf) == nil && w.leaf.Act && w.ofTenant(true)
}

// ofTenant is about the leaf that was read last.
func (w *writer) ofTenant(act bool) bool {
	return len(w.s.Tenant) == 0 || bytes.Equal(w.leaf.Tenant, w.s.Tenant) || act && len(w.leaf.Tenant) == 0
}

func (w *writer) entries(ctx context.Context) error {
	c := &chunks{sink: w.sink, dir: entriesDir}
	var item []byte
	for it, err := range w.source.Entries(ctx) {
		if err != nil {
			return err
		}
		item, err = w.item(c, item[:0], &it)
		if err != nil {
			return err
		}
		if len(item) == 0 {
			continue
		}
		if err := c.put(item); err != nil {
			return err
		}
	}
	if err := w.cut(c); err != nil {
		return err
	}
	return c.flush()
}

// item writes what becomes of an item of the source. What is left out is added to
// the run that cut writes.
func (w *writer) item(c *chunks, b []byte, it *verify.Item) ([]byte, error) {
	if it.Stray {
		return appendStray(b, it), w.cut(c)
	}
	in := it.Index >= w.s.From && it.Index < w.s.To
	switch {
	case it.Omitted > 0 || it.Hash != nil:
		return nil, fmt.Errorf("entry %d: a bundle is made of a whole log", it.Index)
	case it.Leaf == nil:
		return append(b, wire.Null), w.cut(c)
	case w.leaf.Read(it.Leaf) == nil && w.ofTenant(w.leaf.Act) && (in || w.leaf.Act), in && len(w.s.Tenant) == 0:
		w.written.Entries++
		b = wire.AppendHead(b, wire.Array, 2)
		b = appendSealed(wire.AppendBytes(b, it.Leaf), it.Sealed)
		return b, w.cut(c)
	case in:
		w.written.Foreign++
		return wire.AppendBytes(b, tree.LeafHash(it.Leaf)), w.cut(c)
	}
	w.written.Omitted++
	if _, found := slices.BinarySearch(w.cuts, it.Index); found {
		if err := w.cut(c); err != nil {
			return nil, err
		}
	}
	if w.run == nil {
		w.run = tree.NewOmitted(it.Index)
	}
	w.run.Append(tree.LeafHash(it.Leaf))
	return b, nil
}

// cut ends a run of what is left out.
func (w *writer) cut(c *chunks) error {
	if w.run == nil {
		return nil
	}
	b := wire.AppendInt(wire.AppendHead(nil, wire.Array, 2), w.run.Size())
	b = wire.AppendBytes(b, w.run.Bytes())
	w.run = nil
	return c.put(b)
}

func appendStray(b []byte, it *verify.Item) []byte {
	b = wire.AppendInt(wire.AppendHead(b, wire.Array, 3), it.Index)
	if it.Leaf == nil {
		b = append(b, wire.Null)
	} else {
		b = wire.AppendBytes(b, it.Leaf)
	}
	return appendSealed(b, it.Sealed)
}

func appendSealed(b []byte, sealed []store.StoredSegment) []byte {
	b = wire.AppendHead(b, wire.Array, uint64(len(sealed)))
	for _, s := range sealed {
		b = wire.AppendInt(wire.AppendHead(b, wire.Array, 5), s.Place)
		for _, part := range [][]byte{s.Ref, s.Salt, s.Commitment, s.Ciphertext} {
			b = wire.AppendBytes(b, part)
		}
	}
	return b
}

// tiles writes those of which the bundle has all entries, at least by their hashes.
func (w *writer) tiles(ctx context.Context) error {
	for level := range verify.Levels {
		if err := w.level(w.source.Tiles(ctx, level)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) level(tiles iter.Seq2[store.Tile, error]) error {
	for t, err := range tiles {
		if err != nil {
			return err
		}
		if t.N < 0 {
			continue // it has no name, and nobody can ask for it
		}
		tile := tree.Tile{Level: t.Level, N: t.N, Width: tree.TileWidth}
		if first, end := verify.Span(t.Level, t.N); !w.whole && (first < w.s.From || end > w.s.To) {
			continue
		}
		if err := w.sink.File(tile.Path(), t.Hashes); err != nil {
			return err
		}
	}
	return nil
}
