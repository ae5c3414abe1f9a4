package selfverify

import "context"

// Look does what Run does each time.
func (v *Verifier) Look(ctx context.Context) error { return v.look(ctx) }
