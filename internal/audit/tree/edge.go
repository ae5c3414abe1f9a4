package tree

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/merkle/rfc6962"
)

// Edge is the right edge of a tree as tiles have it: of each level the hashes that
// no full tile holds yet. With the full tiles, which it tells as they are
// completed, it is the whole tree. Not safe for concurrent use while it grows.
type Edge struct {
	size   int64
	levels [][]byte // the partial tile of each level, the leaves' first; empty for none
}

// NewEdge puts the edge of a tree of that size together. read gives the hashes of
// its partial tiles.
func NewEdge(size int64, read func(Tile) ([]byte, error)) (*Edge, error) {
	e := &Edge{size: size}
	for level := 0; size>>(level*tileLevels) > 0; level++ {
		t := e.partial(level)
		var hashes []byte
		if t.Width > 0 {
			var err error
			if hashes, err = read(t); err != nil {
				return nil, err
			}
		}
		if len(hashes) != t.Width*HashSize {
			return nil, fmt.Errorf("%s has %d bytes of hashes", t.Path(), len(hashes))
		}
		e.levels = append(e.levels, bytes.Clone(hashes))
	}
	return e, nil
}

// partial is the partial tile of a level; of width 0 where there is none.
func (e *Edge) partial(level int) Tile {
	hashes := e.size >> (level * tileLevels)
	return Tile{level, hashes / TileWidth, int(hashes % TileWidth)}
}

// Size is the number of entries.
func (e *Edge) Size() int64 { return e.size }

// Clone grows apart from e.
func (e *Edge) Clone() *Edge {
	c := &Edge{e.size, make([][]byte, len(e.levels))}
	for i, hashes := range e.levels {
		c.levels[i] = bytes.Clone(hashes)
	}
	return c
}

// Append adds an entry by its LeafHash. Each tile that is full by it is told to
// full, with its hashes, which are the callee's to keep.
func (e *Edge) Append(leafHash []byte, full func(Tile, []byte)) {
	e.size++
	hash := leafHash
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, nil)
		}
		hashes := append(e.levels[level], hash...)
		if len(hashes) < TileWidth*HashSize {
			e.levels[level] = hashes
			return
		}
		e.levels[level] = nil
		full(Tile{level, e.size>>((level+1)*tileLevels) - 1, TileWidth}, hashes)
		hash = Perfect(hashes)
	}
}

// Tile gives the hashes of a tile that lies on the edge, or of the beginning of
// one; false for all others.
func (e *Edge) Tile(t Tile) ([]byte, bool) {
	if t.Level < 0 || t.Level >= len(e.levels) {
		return nil, false
	}
	at := e.partial(t.Level)
	if t.N != at.N || t.Width < 1 || t.Width > at.Width {
		return nil, false
	}
	return e.levels[t.Level][: t.Width*HashSize : t.Width*HashSize], true
}

// Frontier is the tree's.
func (e *Edge) Frontier() *Frontier {
	var roots []byte
	for level := len(e.levels) - 1; level >= 0; level-- {
		rest := e.levels[level]
		for width := TileWidth / 2; width > 0; width /= 2 {
			if n := width * HashSize; len(rest) >= n {
				roots = append(roots, Perfect(rest[:n])...)
				rest = rest[n:]
			}
		}
	}
	f, err := ParseFrontier(e.size, roots)
	if err != nil {
		panic(err) // each level has as many hashes as the size says
	}
	return f
}

// Root is the tree's root hash.
func (e *Edge) Root() []byte { return e.Frontier().Root() }

// Perfect is the root of a perfect subtree whose hashes stand one behind another;
// their number is a power of two.
func Perfect(hashes []byte) []byte {
	level := bytes.Clone(hashes)
	for len(level) > HashSize {
		for i := 0; i < len(level); i += 2 * HashSize {
			copy(level[i/2:], rfc6962.DefaultHasher.HashChildren(level[i:i+HashSize], level[i+HashSize:i+2*HashSize]))
		}
		level = level[:len(level)/2]
	}
	return level
}
