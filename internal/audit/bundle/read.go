package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"rolegate/internal/audit/tree"
	"rolegate/internal/audit/verify"
	"rolegate/internal/audit/wire"
	"rolegate/internal/store"
)

// Bundle is a bundle to be verified. Whatever it holds that a bundle does not have
// is a verify.Fault.
type Bundle struct {
	fsys   fs.FS
	listed bool
	chunks map[string]int // numbered files of a directory
	tiles  [verify.Levels][]int64
	newest bool // there is a checkpoint file
	sum    []byte
}

// Open opens a bundle in a directory.
func Open(dir string) *Bundle { return New(os.DirFS(dir)) }

// New opens a bundle.
func New(fsys fs.FS) *Bundle { return &Bundle{fsys: fsys, chunks: map[string]int{}} }

// About looks what files there are, before any is opened, and reads the manifest.
func (b *Bundle) About(context.Context) (verify.About, error) {
	if err := b.list(); err != nil {
		return verify.About{}, err
	}
	text, err := b.read(manifestFile, nil, mostManifest)
	if err != nil {
		return verify.About{}, err
	}
	m, tenant, ok := decode(text)
	if !ok {
		return verify.About{}, verify.Malformed("%s is no manifest of a bundle (%s)", manifestFile, Format)
	}
	b.sum = m.Checkpoints
	return verify.About{Origin: m.Origin, Size: m.Size, Root: m.Root, From: m.From, To: m.To, Tenant: tenant}, nil
}

// list looks at the names of all files, which are few beside what is in them.
func (b *Bundle) list() error {
	if b.listed {
		return nil
	}
	b.listed = true
	err := fs.WalkDir(b.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case name == "." && errors.Is(err, fs.ErrNotExist):
			return nil // then there is no manifest
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !d.Type().IsRegular(): // a link leads elsewhere, and a pipe is waited for
			return verify.Malformed("%s is no file", name)
		case name == manifestFile:
			return nil
		case name == checkpointFile:
			b.newest = true
			return nil
		}
		dir, file := path.Split(name)
		switch dir = strings.TrimSuffix(dir, "/"); dir {
		case checkpointsDir, actsDir, entriesDir:
			digits, _ := strings.CutSuffix(file, ".cborseq")
			if n, err := strconv.Atoi(digits); err == nil && chunkName(dir, n) == name {
				b.chunks[dir]++
				return nil
			}
		}
		if t, err := tree.ParseTilePath(name); err == nil && t.Level >= 0 && t.Width == tree.TileWidth {
			b.tiles[t.Level] = append(b.tiles[t.Level], t.N)
			return nil
		}
		return verify.Malformed("%s is no file of a bundle", name)
	})
	for _, ns := range b.tiles {
		slices.Sort(ns)
	}
	return err
}

// read reads a file into a buffer that may be used again.
func (b *Bundle) read(name string, buf []byte, most int64) ([]byte, error) {
	f, err := b.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, verify.Malformed("there is no %s: this is no bundle, or not all of it", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, verify.Malformed("%s is too large, or no file", name)
	}
	buf = slices.Grow(buf[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, buf)
	return buf, err
}

// items goes through the items of a directory's files; chunk, which may be nil, is
// told of each file.
func (b *Bundle) items(ctx context.Context, dir string, chunk func([]byte), item func(r *wire.Reader) (more bool, err error)) error {
	if err := b.list(); err != nil {
		return err
	}
	var buf []byte
	for n := range b.chunks[dir] {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := chunkName(dir, n)
		var err error
		if buf, err = b.read(name, buf, mostChunk); err != nil {
			return err
		}
		if len(buf) == 0 {
			return verify.Malformed("%s is empty", name)
		}
		if chunk != nil {
			chunk(buf)
		}
		for r := (wire.Reader{Rest: buf}); len(r.Rest) > 0; {
			if more, err := item(&r); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// Acts are those listed.
func (b *Bundle) Acts(ctx context.Context) iter.Seq2[verify.ActEntry, error] {
	return func(yield func(verify.ActEntry, error) bool) {
		err := b.items(ctx, actsDir, nil, func(r *wire.Reader) (bool, error) {
			n, ok := r.Head(wire.Array)
			index, okIndex := r.Int()
			leaf, okLeaf := r.String(wire.Bytes)
			if !ok || n != 2 || !okIndex || !okLeaf {
				return false, verify.Malformed("%s: not all of it are acts", actsDir)
			}
			return yield(verify.ActEntry{Index: index, Leaf: leaf}, nil), nil
		})
		if err != nil {
			yield(verify.ActEntry{}, err)
		}
	}
}

// Entries is everything that is there.
func (b *Bundle) Entries(ctx context.Context) iter.Seq2[verify.Item, error] {
	return func(yield func(verify.Item, error) bool) {
		next := int64(0)
		var sealed []store.StoredSegment
		err := b.items(ctx, entriesDir, nil, func(r *wire.Reader) (bool, error) {
			it := verify.Item{Index: next, Sealed: sealed[:0]}
			if !readItem(r, &it) {
				if len(it.Sealed) == mostSealed {
					return false, verify.Tampered(it.Index, "entry %d has more than %d sealed segments", it.Index, mostSealed)
				}
				return false, verify.Malformed("%s: what comes at entry %d cannot be read", entriesDir, next)
			}
			sealed = it.Sealed
			switch {
			case it.Stray:
			case it.Omitted > 0:
				next += it.Omitted
			default:
				next++
			}
			return yield(it, nil), nil
		})
		if err != nil {
			yield(verify.Item{}, err)
		}
	}
}

// readItem reads an item of entries, see the package's comment.
func readItem(r *wire.Reader, it *verify.Item) bool {
	if r.Null() {
		return true
	}
	major, ok := r.Peek()
	if ok && major == wire.Bytes {
		it.Hash, ok = r.String(wire.Bytes)
		return ok && len(it.Hash) == tree.HashSize
	}
	n, ok := r.Head(wire.Array)
	if !ok || n != 2 && n != 3 {
		return false
	}
	if n == 3 {
		it.Stray = true
		if it.Index, ok = r.Int(); !ok {
			return false
		}
		if r.Null() {
			return readSealed(r, it)
		}
	} else if major, _ := r.Peek(); major == wire.Uint {
		if it.Omitted, ok = r.Int(); !ok || it.Omitted < 1 {
			return false
		}
		it.Hashes, ok = r.String(wire.Bytes)
		return ok && it.Index+it.Omitted > it.Index
	}
	if it.Leaf, ok = r.String(wire.Bytes); !ok || len(it.Leaf) == 0 {
		return false
	}
	return readSealed(r, it)
}

func readSealed(r *wire.Reader, it *verify.Item) bool {
	n, ok := r.Head(wire.Array)
	if !ok {
		return false
	}
	for range n {
		parts, ok := r.Head(wire.Array)
		if !ok || parts != 5 {
			return false
		}
		var s store.StoredSegment
		if s.Place, ok = r.Int(); !ok {
			return false
		}
		for _, part := range []*[]byte{&s.Ref, &s.Salt, &s.Commitment, &s.Ciphertext} {
			if *part, ok = r.String(wire.Bytes); !ok {
				return false
			}
		}
		if len(it.Sealed) == mostSealed {
			return false
		}
		if len(it.Sealed) > 0 && it.Sealed[len(it.Sealed)-1].Place >= s.Place {
			return false
		}
		it.Sealed = append(it.Sealed, s)
	}
	return true
}

// Checkpoints are those that are there; the newest must be the one that lies by
// itself.
func (b *Bundle) Checkpoints(ctx context.Context) iter.Seq2[store.Checkpoint, error] {
	return func(yield func(store.Checkpoint, error) bool) {
		sum := sha256.New()
		var last []byte
		stopped := false
		err := b.items(ctx, checkpointsDir, func(chunk []byte) { sum.Write(chunk) }, func(r *wire.Reader) (bool, error) {
			n, ok := r.Head(wire.Array)
			size, okSize := r.Int()
			note, okNote := r.String(wire.Bytes)
			if !ok || n != 2 || !okSize || !okNote {
				return false, verify.Malformed("%s: not all of it are checkpoints", checkpointsDir)
			}
			last = append(last[:0], note...)
			stopped = !yield(store.Checkpoint{Size: size, Note: note}, nil)
			return !stopped, nil
		})
		if err == nil && !stopped {
			err = b.checkNewest(sum.Sum(nil), last)
		}
		if err != nil {
			yield(store.Checkpoint{}, err)
		}
	}
}

func (b *Bundle) checkNewest(sum, last []byte) error {
	if !bytes.Equal(sum, b.sum) {
		return verify.Tampered(-1, "%s are not those that %s is about", checkpointsDir, manifestFile)
	}
	if !b.newest && last == nil {
		return nil
	}
	newest, err := b.read(checkpointFile, nil, mostManifest)
	if err != nil {
		return err
	}
	if !bytes.Equal(newest, last) {
		return verify.Tampered(-1, "%s is not the newest of %s", checkpointFile, checkpointsDir)
	}
	return nil
}

// Tiles are those that are there.
func (b *Bundle) Tiles(_ context.Context, level int) iter.Seq2[store.Tile, error] {
	return func(yield func(store.Tile, error) bool) {
		if err := b.list(); err != nil {
			yield(store.Tile{}, err)
			return
		}
		var buf []byte
		for _, n := range b.tiles[level] {
			var err error
			buf, err = b.read(tree.Tile{Level: level, N: n, Width: tree.TileWidth}.Path(), buf, 2*tree.TileWidth*tree.HashSize)
			if !yield(store.Tile{Level: level, N: n, Hashes: buf}, err) || err != nil {
				return
			}
		}
	}
}
