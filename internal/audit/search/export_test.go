package search

// SetBits makes summaries small, so that few entries fill several levels.
func SetBits(n int) (restore func()) {
	was := bits
	bits = n
	return func() { bits = was }
}
