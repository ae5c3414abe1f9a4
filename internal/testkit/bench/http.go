package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rolegate/internal/testkit/workload"
	"rolegate/model"
)

// http measures decisions over loopback, with the log in both of its modes.
func (b *bench) http() error {
	h := &overHTTP{bench: b, tenant: b.plan.Shape.Tenant(0)}
	if err := h.buffered(); err != nil {
		return fmt.Errorf("buffered: %w", err)
	}
	if err := h.durable(); err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	return nil
}

type overHTTP struct {
	*bench
	tenant *workload.Tenant

	service         *service
	singles, groups [][]byte // requests, with the token of the service
	baseline        load     // of the open loop, buffered: without a log to wait for
}

// open starts a furnished service, and makes sure that it decides before how
// fast it does is measured.
func (h *overHTTP) open(settings ...string) (err error) {
	if h.service, err = h.serve(settings...); err != nil {
		return err
	}
	token, err := h.service.furnish(h.tenant)
	if err != nil {
		h.service.kill()
		return err
	}
	h.singles, h.groups = nil, nil
	var group []any
	for q := range h.tenant.Questions(9) {
		h.singles = append(h.singles, post("/access/v1/evaluation", token, wire(q)))
		if group = append(group, wire(q)); len(group) == workload.BatchSize {
			h.groups = append(h.groups, post("/access/v1/evaluations", token, map[string]any{"evaluations": group}))
			group = nil
		}
		if len(h.singles) == 2000 {
			break
		}
	}
	if err := check(h.service.addr, h.singles[:40], h.groups[0]); err != nil {
		h.service.kill()
		return err
	}
	_, err = closedLoop(h.service.addr, h.plan.Conns, h.singles, h.plan.Span/5, 0) // warm up
	return err
}

// wire is a question as AuthZEN spells it.
func wire(q model.Question) map[string]any {
	entity := func(e model.Entity) map[string]any {
		m := map[string]any{"type": e.Type, "id": e.ID}
		if e.Properties != nil {
			m["properties"] = e.Properties
		}
		return m
	}
	m := map[string]any{"subject": entity(q.Subject), "action": map[string]any{"name": q.Action.Name}, "resource": entity(q.Resource)}
	if q.Context != nil {
		m["context"] = q.Context
	}
	return m
}

// post is an HTTP/1.1 request, ready to be sent.
func post(path, token string, body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // of maps and strings
	}
	var r bytes.Buffer
	fmt.Fprintf(&r, "POST %s HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(text))
	if token != "" {
		fmt.Fprintf(&r, "Authorization: Bearer %s\r\n", token)
	}
	r.WriteString("\r\n")
	r.Write(text)
	return r.Bytes()
}

// check asks a few questions alone and as a batch: some are allowed, some are
// not, or what is measured is not deciding.
func check(addr string, singles [][]byte, group []byte) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	decisions := func(request []byte) (yes, all int, err error) {
		var body bytes.Buffer
		status, err := c.do(request, &body)
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d: %s", status, body.Bytes())
		}
		yes = bytes.Count(body.Bytes(), []byte(`"decision":true`))
		return yes, yes + bytes.Count(body.Bytes(), []byte(`"decision":false`)), err
	}
	allowed := 0
	for _, r := range singles {
		yes, n, err := decisions(r)
		if err != nil || n != 1 {
			return fmt.Errorf("a single question has %d decisions: %w", n, err)
		}
		allowed += yes
	}
	if allowed == 0 || allowed == len(singles) {
		return fmt.Errorf("%d of %d questions are allowed", allowed, len(singles))
	}
	if _, n, err := decisions(group); err != nil || n != workload.BatchSize {
		return fmt.Errorf("a batch of %d has %d decisions: %w", workload.BatchSize, n, err)
	}
	return nil
}

// beside measures ours and the reference in turns, so that both meet the same
// neighbours, and gives the run of each with the median rate.
func (h *overHTTP) beside(ours, reference func() (load, error)) (load, load, error) {
	var a, b []load
	for range h.plan.Repeats {
		r, err := reference()
		o, err2 := ours()
		if err := errors.Join(err, err2); err != nil {
			return load{}, load{}, err
		}
		a, b = append(a, o), append(b, r)
	}
	return middle(a), middle(b), nil
}

func (h *overHTTP) connections() string { return fmt.Sprintf(", %d connections", h.plan.Conns) }

// buffered is the log behind a queue: what HTTP itself allows.
func (h *overHTTP) buffered() error {
	single, sustained := "HTTP single decision, buffered, in bursts"+h.connections(), "HTTP single decision, buffered, sustained"+h.connections()
	const singleBar, sustainedBar = "≥ 0.7 of the bare handler, p99 ≤ 2 × its", "≥ 0.8 of the bare bulk append"
	err := h.open("ROLEGATE_AUDIT=buffered")
	if err != nil {
		return err
	}
	defer h.service.kill()
	constant, err := h.startBare(bareConstant)
	if err != nil {
		return err
	}
	defer constant.kill()
	// A burst stays below the queue; the log then has the time to empty it.
	burst := func(addr string, drain time.Duration) func() (load, error) {
		return func() (load, error) {
			l, err := closedLoop(addr, h.plan.Conns, h.singles, 0, h.plan.Burst)
			time.Sleep(drain)
			return l, err
		}
	}
	drain := time.Duration(h.plan.Burst) * time.Second / 8000
	ours, bare, err := h.beside(burst(h.service.addr, drain), burst(constant.addr, 0))
	if err != nil {
		return err
	}
	h.add(single, singleBar, fmt.Sprintf("%s of it, p99 %s its: %s", times(ours.Rate/bare.Rate), times(ratio(ours.P99, bare.P99)), ours),
		"bare handler: "+bare.String(), met(ours.Rate >= 0.7*bare.Rate && ours.P99 <= 2*bare.P99))

	if h.baseline, err = openLoop(h.service.addr, 2*h.plan.Conns, h.plan.Rate, h.singles, h.plan.Span); err != nil {
		return err
	}
	if err := h.batch("buffered, in bursts", ours.Rate, func() (load, error) {
		// A member of a batch weighs half as much as a single decision.
		l, err := closedLoop(h.service.addr, h.plan.Conns, h.groups, 0, max(1, 2*h.plan.Burst/workload.BatchSize))
		time.Sleep(2 * drain)
		return l, err
	}); err != nil {
		return err
	}
	loop := func(addr string) (load, error) {
		return closedLoop(addr, h.plan.Conns, h.singles, 4*h.plan.Span, 0)
	}
	long, err := loop(h.service.addr)
	if err != nil {
		return err
	}
	appending, err := h.startBare(bareBuffered)
	if err != nil {
		return err
	}
	defer appending.kill()
	answered, err := loop(appending.addr)
	if err != nil {
		return err
	}
	bulk, err := h.bulk(h.plan.Span)
	if err != nil {
		return err
	}
	h.add(sustained, sustainedBar, fmt.Sprintf("%s of it: %s", times(long.Rate/bulk.Rate), long), "bare bulk append: "+perSecond(bulk.Rate), met(long.Rate >= 0.8*bulk.Rate))
	h.add("the same beside the bare handler with the bare bulk append", "≥ 0.8 of it", times(long.Rate/answered.Rate)+" of it", answered.String(), met(long.Rate >= 0.8*answered.Rate))
	return nil
}

// durable is an answer that leaves after its record is committed.
func (h *overHTTP) durable() error {
	if err := h.open(); err != nil {
		return err
	}
	defer h.service.kill()
	committing, err := h.startBare(bareDurable)
	if err != nil {
		return err
	}
	defer committing.kill()
	var answered []load
	loop := func(addr string) (load, error) {
		return closedLoop(addr, h.plan.Conns, h.singles, h.plan.Span, 0)
	}
	ours, group, err := h.beside(
		func() (load, error) { return loop(h.service.addr) },
		func() (load, error) {
			l, err := loop(committing.addr)
			if answered = append(answered, l); err != nil {
				return l, err
			}
			return h.groupCommit(h.plan.Conns, h.plan.Span)
		})
	if err != nil {
		return err
	}
	bare := middle(answered)
	h.add("HTTP single decision, durable"+h.connections(), "≥ 0.6 of the bare group-commit append", fmt.Sprintf("%s of it: %s", times(ours.Rate/group.Rate), ours),
		"bare group commit: "+group.String(), met(ours.Rate >= 0.6*group.Rate))
	h.add("the same beside the bare handler with the bare group commit", "≥ 0.6 of it", times(ours.Rate/bare.Rate)+" of it", bare.String(), met(ours.Rate >= 0.6*bare.Rate))
	steady, err := openLoop(h.service.addr, 2*h.plan.Conns, h.plan.Rate, h.singles, h.plan.Span)
	if err != nil {
		return err
	}
	p50, p99 := steady.P50-h.baseline.P50, steady.P99-h.baseline.P99
	h.add(fmt.Sprintf("what the durable log adds at %s", perSecond(float64(h.plan.Rate))), "≤ 2 ms p50, ≤ 10 ms p99",
		fmt.Sprintf("%s p50, %s p99: %s", millis(p50), millis(p99), steady), "buffered: "+h.baseline.String(),
		met(p50 <= 2*time.Millisecond && p99 <= 10*time.Millisecond))
	return nil
}

// batch compares decisions in batches with single ones of the same mode.
func (h *overHTTP) batch(mode string, single float64, once func() (load, error)) error {
	var runs []load
	for range h.plan.Repeats {
		l, err := once()
		if err != nil {
			return err
		}
		runs = append(runs, l)
	}
	l := middle(runs)
	decisions := l.Rate * workload.BatchSize
	h.add(fmt.Sprintf("HTTP batch of %d, %s%s", workload.BatchSize, mode, h.connections()), "≥ 8 × the decisions/s of single requests",
		fmt.Sprintf("%s: %s decisions, p99 %s", times(decisions/single), perSecond(decisions), millis(l.P99)), "single: "+perSecond(single), met(decisions >= 8*single))
	return nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }
