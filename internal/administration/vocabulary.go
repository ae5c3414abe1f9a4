package administration

import (
	"context"

	"rolegate/internal/policy"
)

// Vocabulary is what a tenant's policy is written about, and how its rows add up.
type Vocabulary struct {
	Catalog *policy.Catalog // the same pointer as long as it is the same catalogue and policy
	Strict  bool            // a role's denial of a field closes it, whatever other roles say
}

// Vocabulary is for whoever came to read or write the policy.
func (o *Officer) Vocabulary(ctx context.Context) (Vocabulary, error) {
	view, err := o.Change.Policy.Snapshots.Current(ctx, o.tenant)
	if err != nil {
		return Vocabulary{}, err
	}
	return Vocabulary{Catalog: view.Catalog(), Strict: view.StrictFields()}, nil
}
