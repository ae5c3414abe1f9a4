package tree

import (
	"fmt"
	"strconv"
	"strings"
)

// TileWidth is how many hashes a full tile has, and how many entries an entry
// bundle: eight levels of the tree (C2SP tlog-tiles).
const TileWidth = 256

// tileLevels is how many levels of the tree lie in one tile.
const tileLevels = 8

// Tile names a tile: the N-th from the left of its level, with Width hashes in it.
// Level 0 are the leaf hashes; EntryLevel are not hashes but the entries
// themselves.
type Tile struct {
	Level int
	N     int64
	Width int // 1 to TileWidth; less than that only at the right edge
}

// EntryLevel is Tile.Level of an entry bundle.
const EntryLevel = -1

// maxTileLevel is enough for 2^63 entries.
const maxTileLevel = 7

// Path is the tile's in C2SP tlog-tiles, such as tile/0/x001/067 or
// tile/entries/000.p/12.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != EntryLevel {
		level = strconv.Itoa(t.Level)
	}
	n := t.N
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if t.Width != TileWidth {
		path += fmt.Sprintf(".p/%d", t.Width)
	}
	return "tile/" + level + "/" + path
}

// ParseTilePath reads what Path wrote, and nothing else.
func ParseTilePath(path string) (Tile, error) {
	wrong := fmt.Errorf("%q is no tile's path", path)
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, found := strings.Cut(rest, "/")
	if !ok || !found {
		return Tile{}, wrong
	}
	t := Tile{Width: TileWidth}
	if level == "entries" {
		t.Level = EntryLevel
	} else if l, err := strconv.Atoi(level); err == nil && 0 <= l && l <= maxTileLevel {
		t.Level = l
	} else {
		return Tile{}, wrong
	}
	if n, width, partial := strings.Cut(rest, ".p/"); partial {
		w, err := strconv.Atoi(width)
		if err != nil || w < 1 || w >= TileWidth {
			return Tile{}, wrong
		}
		rest, t.Width = n, w
	}
	n, err := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(rest), 10, 64)
	if err != nil || n < 0 {
		return Tile{}, wrong
	}
	if t.N = n; t.Path() != path {
		return Tile{}, wrong
	}
	return t, nil
}

// Tiles are those of hashes of a tree of that size, full ones and the partial one
// of each level, the leaves' level first.
func Tiles(size int64) (tiles []Tile) {
	for level := 0; size > 0; level++ {
		for n := range size / TileWidth {
			tiles = append(tiles, Tile{level, n, TileWidth})
		}
		if w := size % TileWidth; w > 0 {
			tiles = append(tiles, Tile{level, size / TileWidth, int(w)})
		}
		size >>= tileLevels
	}
	return tiles
}

// In tells whether a tree of that size has the tile.
func (t Tile) In(size int64) bool {
	level := max(t.Level, 0)
	if level > maxTileLevel || t.N < 0 || t.Width < 1 || t.Width > TileWidth {
		return false
	}
	hashes := size >> (level * tileLevels)
	return t.N <= hashes/TileWidth && t.N*TileWidth+int64(t.Width) <= hashes
}
