package change

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"rolegate/internal/store"
)

// Applied is how far the policy in force has come to decide.
type Applied struct {
	InForce  int64     // its revision; 0 where none has been published
	Here     int64     // of the policy by which this replica decides now
	Replicas []Replica // those that run, this one among them, by host
}

// Replica is a running process of this installation.
type Replica struct {
	Host     string
	This     bool // the one that answers
	SeenAt   time.Time
	InMemory bool  // it has the tenant in memory; else it reads the policy in force when it is asked
	Revision int64 // of the policy by which it decides, if so
}

// Reach counts replicas by what they make of a revision of the policy.
type Reach struct {
	By     int // decide by it, or by a later one
	Unread int // have nothing of the tenant in memory, and read what is in force when asked
	Behind int // decide by an earlier one
}

// Reach counts the replicas, of a revision.
func (a Applied) Reach(revision int64) (r Reach) {
	for _, p := range a.Replicas {
		switch {
		case !p.InMemory:
			r.Unread++
		case p.Revision >= revision:
			r.By++
		default:
			r.Behind++
		}
	}
	return r
}

// maxReplicas bounds how many are told of.
const maxReplicas = 200

// Applied tells by which policy each replica decides: this one now, the others when
// they last said so, which they do within about a second. One that has been silent for
// store.HolderGone has gone.
func (s *Service) Applied(ctx context.Context, tenant string) (a Applied, err error) {
	view, err := s.Policy.Snapshots.Latest(ctx, tenant)
	if err != nil {
		return a, err
	}
	a.Here = view.PolicyRevision()
	inForce, err := s.Store.PolicyRevisions(ctx, tenant)
	if err != nil {
		return a, err
	}
	a.InForce = inForce[tenant]
	said, err := s.Store.AppliedPolicies(ctx, tenant, s.Now().Add(-store.HolderGone), maxReplicas)
	if err != nil {
		return a, err
	}
	us := Replica{This: true, SeenAt: s.now(), InMemory: true, Revision: a.Here}
	us.Host, _ = os.Hostname()
	a.Replicas = []Replica{us}
	for _, p := range said {
		if p.Process != s.Process {
			a.Replicas = append(a.Replicas, Replica{Host: p.Host, SeenAt: p.SeenAt, InMemory: p.InMemory, Revision: p.Revision})
		}
	}
	slices.SortStableFunc(a.Replicas, func(x, y Replica) int { return strings.Compare(x.Host, y.Host) })
	return a, nil
}

// AppliedRevision is Applied for who asks about a revision; CodeNotFound for none.
func (s *Service) AppliedRevision(ctx context.Context, tenant string, revision int64) (Applied, error) {
	last, err := s.Store.ListPolicies(ctx, tenant, revision+1, 1)
	if err != nil {
		return Applied{}, err
	}
	if len(last) == 0 || last[0].Revision != revision {
		return Applied{}, noRevision(revision)
	}
	return s.Applied(ctx, tenant)
}
