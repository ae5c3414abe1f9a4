package selfverify

import (
	"context"
	"time"
)

// Look does what Run does each time.
func (v *Verifier) Look(ctx context.Context) error { return v.look(ctx) }

// Elapse has the process's own clock be one that the test moves.
func (v *Verifier) Elapse(clock func() time.Duration) { v.elapsed, v.ran = clock, clock() }
