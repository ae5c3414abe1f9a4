package checkpoint_test

import "testing"

// BenchmarkPublish is a second of a log with a thousand entries in it: reading,
// hashing, signing and storing.
func BenchmarkPublish(b *testing.B) {
	f := newSQLite(b)
	p := f.publisher()
	f.publish(p)
	for b.Loop() {
		b.StopTimer()
		f.append(1000)
		b.StartTimer()
		f.publish(p)
	}
}

// BenchmarkProof is an inclusion proof of a log of 70,000 entries.
func BenchmarkProof(b *testing.B) {
	f := newSQLite(b)
	p := f.publisher()
	f.append(70_000)
	size := f.publish(p).Size
	i := int64(0)
	for b.Loop() {
		if i += 4711; i >= size {
			i -= size
		}
		if _, err := p.Proof(b.Context(), i, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart is what a process does at its start, and a long log's edge.
func BenchmarkStart(b *testing.B) {
	f := newSQLite(b)
	f.append(65_200)
	f.publish(f.publisher())
	for b.Loop() {
		f.publish(f.publisher())
	}
}
