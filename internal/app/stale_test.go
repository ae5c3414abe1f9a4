package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/model"
)

// unread is a store that answers, but for the tenants' revisions.
type unread struct{ store.Store }

func (unread) Ping(context.Context) error { return nil }
func (unread) TenantRevisions(context.Context, ...string) (map[string]int64, error) {
	return nil, errors.New("not read")
}
func (unread) Listen(context.Context, func(store.Notice)) error { return errors.ErrUnsupported }

// noTenants is a store that has none.
type noTenants struct{ store.Store }

func (noTenants) TenantRevisions(context.Context, ...string) (map[string]int64, error) {
	return nil, nil
}

// A replica that does not know what others commit is not ready, though its
// database answers.
func TestStaleIsNotReady(t *testing.T) {
	a := &App{Store: unread{}, Keystore: unreadKeys{}, Policy: &policy.Service{Snapshots: &policy.Snapshots{Store: noTenants{}}}, feed: store.NewFeed(unread{})}
	if err := a.Ready(t.Context()); err != nil {
		t.Errorf("before it looks for others: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { a.feed.Run(ctx) })
	defer runs.Wait()
	defer cancel()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := a.Ready(t.Context())
		if model.CodeOf(err) == model.CodeStoreUnavailable && strings.Contains(err.Error(), "revisions") {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("still ready: %v", err)
		}
	}
}

type unreadKeys struct{ store.Keystore }

func (unreadKeys) Ping(context.Context) error { return nil }
