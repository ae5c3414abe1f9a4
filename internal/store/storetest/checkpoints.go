package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rolegate/internal/store"
)

func tile(level int, n int64, hashes string) store.Tile {
	return store.Tile{Level: level, N: n, Hashes: []byte(hashes)}
}

var checkpointTests = []storeTest{
	{"Checkpoints", func(t *testing.T, f fixture) {
		ctx := t.Context()
		_, err := f.LastCheckpoint(ctx)
		wantErr(t, "LastCheckpoint of none", err, store.ErrNotFound)
		var all []store.Checkpoint
		for i, size := range []int64{1, 300, 70000} {
			c := store.Checkpoint{Size: size, Note: fmt.Append(nil, "note ", i), CreatedAt: now.Add(time.Duration(i) * time.Second)}
			f.must(f.InsertCheckpoint(ctx, c))
			all = append(all, c)
		}
		wantErr(t, "InsertCheckpoint again", f.InsertCheckpoint(ctx, store.Checkpoint{Size: 300, Note: []byte("other"), CreatedAt: now}), store.ErrExists)
		last, err := f.LastCheckpoint(ctx)
		same(t, "LastCheckpoint", last, err, all[2])
		for _, c := range []struct {
			from  int64
			limit int
			want  []store.Checkpoint
		}{{0, 2, all[:2]}, {2, 9, all[1:]}, {300, 1, all[1:2]}, {70001, 9, nil}} {
			got, err := f.CheckpointsFrom(ctx, c.from, c.limit)
			same(t, fmt.Sprintf("CheckpointsFrom %d, %d", c.from, c.limit), got, err, c.want)
		}
	}},
	{"Checkpoints/Tiles", func(t *testing.T, f fixture) {
		ctx := t.Context()
		_, err := f.Tile(ctx, 0, 0)
		wantErr(t, "Tile of none", err, store.ErrNotFound)
		tiles := []store.Tile{tile(0, 0, "a"), tile(0, 1, "b"), tile(1, 0, "c")}
		f.must(f.InsertTiles(ctx, tiles))
		f.must(f.InsertTiles(ctx, []store.Tile{tile(0, 1, "other"), tile(0, 2, "d")}))
		got, err := f.TilesFrom(ctx, 0, 1, 9)
		same(t, "TilesFrom", got, err, []store.Tile{tile(0, 1, "b"), tile(0, 2, "d")})
		got, err = f.TilesFrom(ctx, 0, 0, 1)
		same(t, "TilesFrom", got, err, tiles[:1])
		one, err := f.Tile(ctx, 1, 0)
		same(t, "Tile", one, err, tiles[2])
	}},
	// Whoever holds a job's row is the only one, and the next sees what was set.
	{"Jobs", func(t *testing.T, f fixture) {
		ctx := t.Context()
		j, err := f.Job(ctx, "sink")
		same(t, "Job that never ran", j, err, store.Job{Name: "sink"})
		together(t, 10, func(int) error {
			return f.InTx(ctx, func(tx store.Tx) error {
				j, err := tx.LockJob(ctx, "sink")
				if err != nil {
					return err
				}
				j.Position, j.At = j.Position+1, now
				return tx.SetJob(ctx, j)
			})
		})
		boom := errors.New("boom")
		wantErr(t, "InTx", f.InTx(ctx, func(tx store.Tx) error {
			return errors.Join(tx.SetJob(ctx, store.Job{Name: "sink", Position: 99}), boom)
		}), boom)
		j, err = f.Job(ctx, "sink")
		same(t, "Job", j, err, store.Job{Name: "sink", Position: 10, At: now})
		other := store.Job{Name: "other", Position: 1, MAC: []byte("mac")}
		f.must(f.SetJob(ctx, other))
		j, err = f.Job(ctx, "other")
		same(t, "another Job", j, err, other)
		f.must(f.InTx(ctx, func(tx store.Tx) error {
			j, err := tx.LockJob(ctx, "other")
			same(t, "LockJob", j, err, other)
			return nil
		}))
	}},
}
