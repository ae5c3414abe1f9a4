package store

import (
	"context"
	"time"
)

// Entry is one record of the log as stored: the leaf, its sealed segments, and
// what it can be found by.
type Entry struct {
	Leaf   []byte // deterministic CBOR; holds no personal data
	Sealed []Segment
	Tags   [][]byte // of the records it is about; not read back
}

// Segment is personal data of one person, sealed beside the leaf.
type Segment struct {
	Ref        []byte // 16 random bytes: the person's pseudonym
	Salt       []byte
	Commitment []byte
	Ciphertext []byte
}

// Stored is what lies at an index of the log, also where that is not an entry.
type Stored struct {
	Index  int64
	Leaf   []byte // nil: there are only segments
	Sealed []StoredSegment
}

// StoredSegment is a segment and its place among those of its entry, from 0.
type StoredSegment struct {
	Place int64
	Segment
}

// Head is the end of the log: how many entries there are, the tree over the first
// TreeSize of them, see tree.Frontier, and the MAC over all of that, whose key the
// database does not have. Without one, and behind, is the head of a log from before
// there were MACs, or trees.
type Head struct {
	Size     int64
	TreeSize int64
	Frontier []byte
	MAC      []byte
}

// Entries is the log's table. There is no update and no delete.
type Entries interface {
	// AppendEntries gives the entries the next indices, without a gap, and
	// returns the first, as releases did that knew of no tree and no MAC: the tree
	// stays behind, and the head loses its MAC. The log goes on from no such head.
	AppendEntries(ctx context.Context, entries []Entry) (first int64, err error)
	// TakeHead locks the head until the transaction ends, and takes the next n numbers
	// of a source (a process since its start, from 1): seq is the first of them. A
	// rollback gives them back, so there is no gap; ExtendTree must follow in the same
	// transaction. Concurrent appends, also of several processes, wait for each other
	// here. What others committed before they let go of the head is seen by the
	// statements after.
	TakeHead(ctx context.Context, source []byte, n int) (head Head, seq int64, err error)
	// InsertEntries stores entries under indices, and leaves the head alone.
	InsertEntries(ctx context.Context, index int64, entries []Entry) error
	// ExtendTree is InsertEntries and SetHead in one.
	ExtendTree(ctx context.Context, index int64, entries []Entry, head Head) error
	// SetHead says where the log ends from now on. The size of a head that has a MAC
	// does not change without the MAC.
	SetHead(ctx context.Context, head Head) error
	// Head is the end of the log as it is committed, LogSize its size alone.
	Head(ctx context.Context) (Head, error)
	LogSize(ctx context.Context) (int64, error)
	// LeavesFrom lists up to limit leaves with an index of at least from, in order.
	LeavesFrom(ctx context.Context, from int64, limit int) ([][]byte, error)
	// EntriesFrom lists up to limit entries with an index of at least from, in order.
	EntriesFrom(ctx context.Context, from int64, limit int) ([]Entry, error)
	// EntriesBetween lists the entries with an index of at least from and below to,
	// in order. Where they are not to-from the log has a hole.
	EntriesBetween(ctx context.Context, from, to int64) ([]Entry, error)
	// StoredFrom lists what is stored at the indices from a first one on and below
	// another, in order, for whoever looks for what is missing or does not belong;
	// the leaves alone unless sealed.
	StoredFrom(ctx context.Context, from, until int64, sealed bool) ([]Stored, error)
	// HoldSource notes that a source keeps records in memory only, and will say
	// so again before until or be taken for dead; the zero time ends it.
	HoldSource(ctx context.Context, source []byte, until time.Time) error
	// LapsedSources lists the held sources whose time is over at now.
	LapsedSources(ctx context.Context, now time.Time) ([][]byte, error)
	// EndSource ends a held source whose time is over at now: true for exactly one caller.
	EndSource(ctx context.Context, source []byte, now time.Time) (bool, error)
}

// Checkpoint is a signed note over the first Size entries.
type Checkpoint struct {
	Size      int64
	Note      []byte // C2SP tlog-checkpoint
	CreatedAt time.Time
}

// Tile is 256 hashes of one level of the tree.
type Tile struct {
	Level  int // 0: of leaves; a level is eight levels of the tree
	N      int64
	Hashes []byte
}

// Checkpoints holds what is published of the tree. There is no update and no
// delete.
type Checkpoints interface {
	// InsertCheckpoint is ErrExists where there is one of that size.
	InsertCheckpoint(ctx context.Context, c Checkpoint) error
	// LastCheckpoint is the one of the largest size; ErrNotFound before the first.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)
	// CheckpointsFrom lists up to limit checkpoints of at least that size, in order.
	CheckpointsFrom(ctx context.Context, size int64, limit int) ([]Checkpoint, error)
	// InsertTiles leaves those alone that are there already.
	InsertTiles(ctx context.Context, tiles []Tile) error
	Tile(ctx context.Context, level int, n int64) (Tile, error)
	// TilesFrom lists up to limit tiles of a level from the n-th, in order.
	TilesFrom(ctx context.Context, level int, n int64, limit int) ([]Tile, error)
}

// Job is how far a job over the log has come, for all replicas together.
type Job struct {
	Name     string
	Position int64     // of entries; what it means is the job's own business
	At       time.Time // likewise
	MAC      []byte    // likewise, and over what
}

// Jobs holds them.
type Jobs interface {
	// LockJob takes the job's row until the transaction ends; one that never ran
	// is at the beginning.
	LockJob(ctx context.Context, name string) (Job, error)
	SetJob(ctx context.Context, j Job) error
	Job(ctx context.Context, name string) (Job, error) // likewise, without the row
}

// Numbered is an entry's leaf and its index.
type Numbered struct {
	Index int64
	Leaf  []byte
}

// Stretch is a part of the log, from one end of it to the other.
type Stretch struct {
	From, Until int64 // indices; Until is not in it
	Backwards   bool  // from the highest index on
}

// Summary is what a run of entries may have in it: 256 entries at level 0, 256
// summaries of the level below at the others. What the bytes mean is the business
// of package audit/search.
type Summary struct {
	Level          int
	N              int64 // the how manieth from the left
	Oldest, Newest int64 // times, Unix microseconds
	Tenants        []byte
	Keys           []byte
	Requests       []byte
	Totals         []byte // nil of a summary that an earlier release wrote
}

// Detail says how much of summaries is read.
type Detail int

const (
	TimesOnly    Detail = iota
	WithKeys            // and Tenants
	WithRequests        // likewise, and Requests
	WithTotals          // and times, nothing else
	WithKeysAndTotals
)

// Found is how entries are found again.
type Found interface {
	// LeavesAt lists the leaves of the indices, in order; what is missing is left
	// out. No more than 500 at a time.
	LeavesAt(ctx context.Context, indices []int64) ([]Numbered, error)
	// SealedAt lists what entries seal, by index and in the order of places. No more
	// than 500 indices at a time.
	SealedAt(ctx context.Context, indices []int64) (map[int64][]Segment, error)
	// IndicesOf lists up to limit indices of entries that seal something for the
	// person with a pseudonym, each once, in the stretch's order. A look has its bounds,
	// whatever the stretch: next is the first index on the way that it did not come to,
	// or one past the way's end, and at least one block on from where it began.
	IndicesOf(ctx context.Context, ref []byte, s Stretch, limit int) (found []int64, next int64, err error)
	// IndicesTagged does so for entries with one of the tags, of which there are a few.
	IndicesTagged(ctx context.Context, tags [][]byte, s Stretch, limit int) (found []int64, next int64, err error)
	// InsertSummaries leaves those alone that are there already.
	InsertSummaries(ctx context.Context, summaries []Summary) error
	// SummariesFrom lists the summaries of a level from the n-th on and before
	// another, in order, with what is asked for of them.
	SummariesFrom(ctx context.Context, level int, n, until int64, d Detail) ([]Summary, error)
	// NextSummary is the first after all that there are of a level.
	NextSummary(ctx context.Context, level int) (n int64, err error)
}
