package tree

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// Paths are those of golang.org/x/mod but for the height it names, and each is
// read back.
func TestTilePaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tile := Tile{rapid.IntRange(EntryLevel, maxTileLevel).Draw(t, "level"), rapid.Int64Range(0, 1<<40).Draw(t, "n"), rapid.IntRange(1, TileWidth).Draw(t, "width")}
		want := strings.NewReplacer("tile/8/data/", "tile/entries/", "tile/8/", "tile/").Replace(tlog.Tile{H: 8, L: tile.Level, N: tile.N, W: tile.Width}.Path())
		if got := tile.Path(); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if got, err := ParseTilePath(tile.Path()); err != nil || got != tile {
			t.Fatalf("%v is read as %v: %v", tile, got, err)
		}
	})
}

func TestNoTilePath(t *testing.T) {
	for _, path := range []string{"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/0/1000", "tile/00/000", "tile/-1/000",
		"tile/8/000", "tile/data/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/-01", "tile/0/x01/000", "/tile/0/000",
		"tile/0/000/", "tile/0/../000", "tile/0/x999999999999999999999/000", "tile/0/x001/x002"} {
		if tile, err := ParseTilePath(path); err == nil {
			t.Errorf("%q is %v", path, tile)
		}
	}
}

// The tiles of a tree are those whose hashes it has, and no others are in it.
func TestTilesOfATree(t *testing.T) {
	for _, size := range []int64{0, 1, 255, 256, 257, 65535, 65536, 65537, 200_000} {
		tiles := Tiles(size)
		hashes := map[int]int64{}
		for _, tile := range tiles {
			if !tile.In(size) {
				t.Errorf("%v is not in a tree of %d", tile, size)
			}
			hashes[tile.Level] += int64(tile.Width)
		}
		for level := range 4 {
			if want := size >> (8 * level); hashes[level] != want {
				t.Errorf("size %d: %d hashes at level %d, want %d", size, hashes[level], level, want)
			}
		}
		for _, tile := range []Tile{{0, size / TileWidth, int(size%TileWidth) + 1}, {0, size/TileWidth + 1, 1}, {1, 0, int(min(size>>8, 255)) + 1}, {0, -1, 256}, {7, 0, 1}, {8, 0, 1}, {0, 0, 257}} {
			if tile.In(size) && int64(tile.Width) > size>>(8*tile.Level)-tile.N*TileWidth {
				t.Errorf("%v is in a tree of %d", tile, size)
			}
		}
	}
}
