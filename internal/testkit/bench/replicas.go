package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/keyring"
	"rolegate/internal/testkit/pgtest"
	"rolegate/model"
)

// replicas measures how soon what is taken away on one of three processes on one
// PostgreSQL is felt on the other two, while all of them decide.
func (b *bench) replicas() error {
	server, err := pgtest.Run()
	if pgtest.Missing(err) {
		b.add(feltRow("buffered"), feltBar, "not measured: PostgreSQL is not installed", "", noBar)
		b.add(feltRow("durable"), durableBar, "not measured: PostgreSQL is not installed", "", noBar)
		return nil
	}
	if err != nil {
		return err
	}
	defer server.Remove()
	for _, mode := range []string{"buffered", "durable"} {
		if err := b.replicasIn(mode, server); err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
	}
	return nil
}

const (
	feltBar    = "≤ 1 s p99"
	durableBar = "the next decision"
)

func feltRow(mode string) string {
	return "a role removed on one of three replicas felt on two others, " + mode
}

func (b *bench) replicasIn(mode string, server *pgtest.Server) error {
	t, err := b.startThree(mode, server)
	if err != nil {
		return err
	}
	defer t.kill()
	stop := t.underLoad()
	felt, wrong, err := t.revocations(b.plan.Takes)
	ran := stop()
	if err != nil {
		return err
	}
	p50, p99, longest := quantile(felt, 50), quantile(felt, 99), felt[len(felt)-1]
	measured := fmt.Sprintf("p50 %s, p99 %s, at most %s; %d of %d first answers still allowed", millis(p50), millis(p99), millis(longest), wrong, len(felt))
	reference := fmt.Sprintf("%s decisions meanwhile, all three together", perSecond(ran.Rate))
	if ran.Failed > 0 {
		reference += fmt.Sprintf(", %d refused", ran.Failed)
	}
	if mode == "buffered" {
		b.add(feltRow(mode), feltBar, measured, reference, met(p99 <= time.Second))
	} else {
		b.add(feltRow(mode), durableBar, measured, reference, met(wrong == 0))
	}
	return nil
}

// three are the replicas, with a user who is allowed something by one role.
type three struct {
	*bench
	services []*service
	configs  []app.Config
	requests [][]byte // of the load
	role     app.RoleRequest
	question []byte // allowed by the role alone
}

// startThree starts them on databases of their own and furnishes the tenant.
func (b *bench) startThree(mode string, server *pgtest.Server) (t *three, err error) {
	database, err := server.Database("bench_" + mode)
	if err != nil {
		return nil, err
	}
	keystore, err := server.Database("bench_" + mode + "_keys")
	if err != nil {
		return nil, err
	}
	key := b.path(mode + ".key")
	if _, err := keyring.CreateFile(key); err != nil {
		return nil, err
	}
	t = &three{bench: b}
	defer func() {
		if err != nil {
			t.kill()
		}
	}()
	for i := range 3 {
		data := filepath.Join(b.dir, fmt.Sprint(mode, i))
		if err := os.Mkdir(data, 0o700); err != nil {
			return nil, err
		}
		settings := []string{"ROLEGATE_DATA=" + data, "ROLEGATE_DATABASE_URL=" + database, "ROLEGATE_KEYSTORE_URL=" + keystore,
			"ROLEGATE_KEY_FILE=" + key, "ROLEGATE_AUDIT=" + mode}
		s, err := b.serve(settings...)
		if err != nil {
			return nil, err
		}
		t.services = append(t.services, s)
		c, err := app.ReadConfig(settings)
		if err != nil {
			return nil, err
		}
		t.configs = append(t.configs, c)
	}
	return t, t.furnish()
}

func (t *three) kill() {
	for _, s := range t.services {
		s.kill()
	}
}

// furnish fills the tenant and finds somebody who loses something with one role.
func (t *three) furnish() error {
	firm := t.plan.Shape.Tenant(0)
	token, err := t.services[0].furnish(firm)
	if err != nil {
		return err
	}
	c, err := dial(t.services[0].addr)
	if err != nil {
		return err
	}
	defer c.Close()
	tried := 0
	for q := range firm.Questions(9) {
		request := post("/access/v1/evaluation", token, wire(q))
		t.requests = append(t.requests, request)
		if t.question == nil && tried < 50 {
			allowed, err := allows(c, request)
			if err != nil {
				return err
			}
			member := "user:" + q.Subject.ID
			if allowed {
				tried++
				if err := t.find(c, member, request, firm.Directory.Assignments); err != nil {
					return err
				}
			}
		}
		if len(t.requests) >= 2000 {
			break
		}
	}
	if t.question == nil {
		return errors.New("nobody loses anything with a role")
	}
	return nil
}

// find takes the member's roles away until the question is denied: the last one
// was what allowed it.
func (t *three) find(c *conn, member string, request []byte, held []model.Assignment) error {
	for _, a := range held {
		if a.Member != member {
			continue
		}
		role := app.RoleRequest{Tenant: model.DefaultTenant, Member: a.Member, Role: a.Role}
		if _, err := app.Unassign.Do(t.ctx, t.configs[0], role); err != nil {
			return err
		}
		allowed, err := allows(c, request)
		if err != nil {
			return err
		}
		if !allowed {
			t.role, t.question = role, request
			_, err := app.Assign.Do(t.ctx, t.configs[0], role)
			return err
		}
	}
	return nil
}

// allows asks on a connection of its own.
func allows(c *conn, request []byte) (bool, error) {
	var body bytes.Buffer
	for {
		body.Reset()
		status, err := c.do(request, &body)
		switch {
		case err != nil:
			return false, err
		case status == 503: // the database has its hands full
			continue
		case status != 200:
			return false, fmt.Errorf("status %d: %s", status, body.Bytes())
		}
		return bytes.Contains(body.Bytes(), []byte(`"decision":true`)), nil
	}
}

// underLoad asks all three at the plan's rate until stop.
func (t *three) underLoad() (stop func() load) {
	ctx, cancel := context.WithCancel(t.ctx)
	began := time.Now()
	loads := make([]load, len(t.services))
	var all sync.WaitGroup
	for i, s := range t.services {
		var next atomic.Int64
		all.Go(func() {
			loads[i], _ = drive(s.addr, t.plan.Conns/2, func(int) (time.Time, []byte, bool) {
				n := int(next.Add(1) - 1)
				due := began.Add(time.Duration(n*len(t.services)) * time.Second / time.Duration(t.plan.Rate))
				select {
				case <-ctx.Done():
					return due, nil, false
				case <-time.After(time.Until(due)):
				}
				return due, t.requests[n%len(t.requests)], true
			})
		})
	}
	return func() (sum load) {
		cancel()
		all.Wait()
		for _, l := range loads {
			sum.Rate += l.Rate
			sum.Failed += l.Failed
		}
		return sum
	}
}

// revocations takes the role away so many times, on the replicas in turns, and
// times how long the other two still allow. wrong counts first answers that did.
func (t *three) revocations(times int) (felt []time.Duration, wrong int, err error) {
	conns := make([]*conn, len(t.services))
	for i, s := range t.services {
		if conns[i], err = dial(s.addr); err != nil {
			return nil, 0, err
		}
		defer conns[i].Close()
	}
	for n := range times {
		writer := n % len(t.services)
		for i, c := range conns { // until the role is felt, too
			for allowed := false; !allowed; {
				if allowed, err = allows(c, t.question); err != nil {
					return nil, 0, fmt.Errorf("replica %d: %w", i, err)
				}
			}
		}
		if _, err := app.Unassign.Do(t.ctx, t.configs[writer], t.role); err != nil {
			return nil, 0, err
		}
		acknowledged := time.Now()
		var others sync.WaitGroup
		took, first, errs := make([]time.Duration, len(conns)), make([]bool, len(conns)), make([]error, len(conns))
		for i, c := range conns {
			if i == writer {
				continue
			}
			others.Go(func() {
				allowed := true
				for n := 0; allowed && errs[i] == nil; n++ {
					allowed, errs[i] = allows(c, t.question)
					first[i] = first[i] || n == 0 && allowed
				}
				took[i] = time.Since(acknowledged)
			})
		}
		others.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, 0, err
		}
		for i := range conns {
			if i == writer {
				continue
			}
			felt = append(felt, took[i])
			if first[i] {
				wrong++
			}
		}
		if _, err := app.Assign.Do(t.ctx, t.configs[writer], t.role); err != nil {
			return nil, 0, err
		}
	}
	slices.Sort(felt)
	return felt, wrong, nil
}
