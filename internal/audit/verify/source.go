package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"

	"rolegate/internal/store"
)

// Source is a log, or a part of one, to be verified. Sequences come in order, and
// are read side by side; each is read once. What they yield is good until the next.
//
// A sequence's error that is a *Fault says what is wrong with the log, every other
// one that it cannot be read.
type Source interface {
	// About comes with what is known also where there is an error.
	About(ctx context.Context) (About, error)
	// Acts are all entries of the log that hold an act, also those that Entries
	// leaves out of other classes.
	Acts(ctx context.Context) iter.Seq2[ActEntry, error]
	Entries(ctx context.Context) iter.Seq2[Item, error]
	// Checkpoints come by size.
	Checkpoints(ctx context.Context) iter.Seq2[store.Checkpoint, error]
	// Tiles are the full ones of a level, from the left.
	Tiles(ctx context.Context, level int) iter.Seq2[store.Tile, error]
}

// About is what a source says of itself. All of it is held against what is found.
type About struct {
	Origin string // the first line of its checkpoints; "" where it has none
	Size   int64  // of the tree
	Root   []byte // of the tree
	// Frontier is the tree's, where the source has it; see Report.Parted.
	Frontier []byte
	// From and To bound the entries that are whole; others are Omitted, but for
	// acts.
	From, To int64
	// Tenant is the ref of the tenant whose entries are whole, beside those of no
	// tenant that hold acts; those of others are Hash alone. nil: all tenants.
	Tenant []byte
	// Head is that of a log that is still written, as all of this was read from it; nil
	// of every other.
	Head *store.Head
}

// ActEntry is an entry that holds an act.
type ActEntry struct {
	Index int64
	Leaf  []byte
}

// Item is what a source has of the log from an index on. It is one of: a whole
// entry, with Leaf; an entry of which only the Hash of the leaf is there; Omitted
// entries, see tree.Omitted; and, with none of these, an entry that is missing.
type Item struct {
	Index   int64
	Leaf    []byte
	Sealed  []store.StoredSegment
	Hash    []byte
	Omitted int64
	Hashes  []byte // of Omitted
	Stray   bool   // it is stored, and is no entry: the Index is not that of the next one, or there is no leaf
}

// Fault is something wrong with a log.
type Fault struct {
	Status Status
	Index  int64 // of the first entry concerned; -1: of none in particular
	End    int64 // behind the last entry concerned
	What   string

	kind string // of the faults that are one and the same where their entry is; "": What
	same string // it, however much the log has grown since; "": Status, Index and What
}

func (f *Fault) Error() string { return f.What }

// of ties a fault to the bytes that are wrong: others in their place are another.
func (f *Fault) of(wrong ...[]byte) *Fault {
	sum := sha256.New()
	for _, b := range wrong {
		fmt.Fprintf(sum, "%d ", len(b))
		sum.Write(b)
	}
	f.same = fmt.Sprintf("%s %x", f.told(), sum.Sum(nil))
	return f
}

// told is what it is the same by.
func (f *Fault) told() string {
	if f.same != "" {
		return f.same
	}
	return fmt.Sprintf("%d %d %q", f.Status, f.Index, f.What)
}

// Malformed is the fault of what cannot be read as a log at all.
func Malformed(format string, args ...any) *Fault {
	return &Fault{Status: Malform, Index: -1, End: -1, What: fmt.Sprintf(format, args...), kind: format}
}

// Tampered is a fault at an entry.
func Tampered(index int64, format string, args ...any) *Fault {
	return &Fault{Status: Tamper, Index: index, End: index + 1, What: fmt.Sprintf(format, args...), kind: format}
}
