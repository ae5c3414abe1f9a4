package verify

import "iter"

// pulled is a sequence that is read as far as it is needed.
type pulled[T any] struct {
	next func() (T, error, bool)
	stop func()
	head T
	err  error
	have bool // head is the next one
	done bool
}

func pull[T any](seq iter.Seq2[T, error]) *pulled[T] {
	next, stop := iter.Pull2(seq)
	return &pulled[T]{next: next, stop: stop}
}

// peek gives the next one, false behind the last.
func (p *pulled[T]) peek() (T, bool, error) {
	if !p.have && !p.done {
		var ok bool
		if p.head, p.err, ok = p.next(); !ok || p.err != nil {
			p.done = true
		} else {
			p.have = true
		}
	}
	return p.head, p.have, p.err
}

func (p *pulled[T]) take() { p.have = false }
