// Package password turns passwords into argon2id hashes and checks them.
//
// Argon2id (RFC 9106) is slow and hungry for memory on purpose: whoever steals
// the table pays the same for every guess. The same property makes it a lever
// for taking the service down, so every hash goes through a Hasher, which runs
// a bounded number at once and turns the rest away after a short wait.
//
// What is stored is a PHC string that carries its own parameters:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
//
// so parameters can be raised later: Verify says when a hash is weaker than
// what is current, and the caller stores a new one at that login.
//
// Hashes of other systems (foreign.go) are verified as well and replaced so.
//
// Passwords are hashed exactly as received, without trimming or Unicode
// normalization (OWASP ASVS 5.0 6.2.8). Rules is what new ones are held
// against, and Estimate says how long they would last.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"rolegate/internal/tracing"
	"rolegate/model"
)

// Params are the cost parameters of argon2id.
type Params struct {
	MemoryKiB   uint32 // m: memory of one hash
	Iterations  uint32 // t: passes over that memory
	Parallelism uint8  // p: lanes; each busies a core
}

// Default is the cheapest setting the OWASP Password Storage Cheat Sheet
// recommends for argon2id. One lane, because cores are shared with decisions.
var Default = Params{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}

// DefaultWait is how long a caller waits for a worker when New is given none.
const DefaultWait = 2 * time.Second

// Bounds on parameters, our own and stored ones alike. A hash that was imported
// or tampered with must not make one login cost gigabytes or minutes.
const (
	maxMemoryKiB   = 256 << 10
	maxIterations  = 16
	maxParallelism = 16
)

// Validate tells whether hashes with these parameters may be run at all.
func (p Params) Validate() error {
	switch {
	case p.Parallelism < 1 || p.Parallelism > maxParallelism:
		return fmt.Errorf("parallelism %d is not between 1 and %d", p.Parallelism, maxParallelism)
	case p.Iterations < 1 || p.Iterations > maxIterations:
		return fmt.Errorf("iterations %d is not between 1 and %d", p.Iterations, maxIterations)
	case p.MemoryKiB < 8*uint32(p.Parallelism) || p.MemoryKiB > maxMemoryKiB: // RFC 9106, section 3.1: at least 8*p
		return fmt.Errorf("memory %d KiB is not between 8 KiB a lane and %d KiB", p.MemoryKiB, maxMemoryKiB)
	}
	return nil
}

// Hasher hashes and verifies passwords with a bounded number of workers. It is
// safe for concurrent use.
type Hasher struct {
	params Params
	wait   time.Duration
	slots  chan struct{} // holds one token for each hash that is running
	// strangers holds one for each hash of somebody who does not go Ahead, that
	// runs or is next: as many as there are slots, so that whoever goes ahead waits
	// for no more than those.
	strangers chan struct{}
	// places holds one for each stranger that Enter has let in.
	places chan struct{}

	waiting, done, refused atomic.Int64
	took                   atomic.Int64 // of those done, in ns

	idle  *time.Timer // gives memory back when nobody has hashed for a while
	dummy hash        // stands in for the hash of a user who has none

	work   func(job) (result, error) // in this process, or in others: see UseProcesses
	within time.Duration             // how long another may take for it
}

// New makes a Hasher that runs at most workers hashes at once and lets a caller
// wait at most wait for its turn.
//
// Zero params mean Default, workers <= 0 means one less than the processors this
// process may use (GOMAXPROCS, which heeds a container's quota; at least one) so
// that decisions keep a core, and wait <= 0 means DefaultWait. New panics on params
// that Params.Validate refuses: whoever takes them from a setting validates them first.
func New(params Params, workers int, wait time.Duration) *Hasher {
	if params == (Params{}) {
		params = Default
	}
	if err := params.Validate(); err != nil {
		panic("password: " + err.Error())
	}
	if workers <= 0 {
		workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if wait <= 0 {
		wait = DefaultWait
	}
	h := &Hasher{
		params: params,
		wait:   wait,
		slots:  make(chan struct{}, workers),

		strangers: make(chan struct{}, workers),
		places:    make(chan struct{}, placesEach*workers),

		dummy: hash{params: params, salt: make([]byte, saltSize), key: make([]byte, keySize)},
		work:  job.run, within: jobTimeout,
	}
	h.idle = time.AfterFunc(idleAfter, h.giveBack)
	return h
}

// Workers is the number of hashes that may run at once.
func (h *Hasher) Workers() int { return cap(h.slots) }

// Stats is what a Hasher has to do, and has done.
type Stats struct {
	Running, Waiting int           // now
	Done, Refused    int64         // since the start
	Took             time.Duration // of those done, together
}

// Stats tells how busy the workers are.
func (h *Hasher) Stats() Stats {
	return Stats{Running: len(h.slots), Waiting: int(h.waiting.Load()), Done: h.done.Load(), Refused: h.refused.Load(), Took: time.Duration(h.took.Load())}
}

// Hash makes the PHC string to store for a password. The error is of
// model.CodeBusy when no worker came free in time, or of
// model.CodePasswordRejected when the password is longer than MaxBytes.
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	if len(password) > MaxBytes {
		return "", tooLong()
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails: crypto/rand ends the process instead
	r, err := h.run(ctx, job{Params: h.params, Salt: salt, Password: []byte(password), Size: keySize})
	if err != nil {
		return "", err
	}
	return hash{params: h.params, salt: salt, key: r.Key}.String(), nil
}

// Verify tells whether password is the one phc was made from, and whether phc
// is weaker than what Hash makes today, so that it should be replaced now that
// the password is at hand.
//
// Every call that returns without an error has run exactly one hash, so a
// caller that also verifies users who do not exist, with phc == "", gives
// nothing away by its timing: that hash uses current parameters and the answer
// is false. Where stored hashes cost otherwise, the caller names one of those
// instead. An over-long password costs what any wrong password costs.
//
// The error is of model.CodeBusy when no worker came free in time. Any other
// error means that phc is not a hash this package runs; it is a fault of the
// stored data, and nothing was hashed.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	if isForeign(phc) {
		ok, err = h.verifyForeign(ctx, phc, password)
		if err != nil && model.CodeOf(err) == model.CodeInternal {
			err = fmt.Errorf("stored password hash: %w", err)
		}
		return ok, ok, err
	}
	stored, possible := h.dummy, false
	if phc != "" {
		if stored, err = parse(phc); err != nil {
			return false, false, fmt.Errorf("stored password hash: %w", err)
		}
		possible = true
	}
	if len(password) > MaxBytes {
		password, possible = "", false
	}
	r, err := h.run(ctx, job{Params: stored.params, Salt: stored.salt, Password: []byte(password), Size: uint32(len(stored.key))})
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(r.Key, stored.key) == 1
	ok = same && possible
	return ok, ok && stored.weakerThan(h.params), nil
}

// run does a job on one of the workers. It waits for the end, and looks at ctx
// only before it starts: a hash cannot be stopped half way, so a slot freed when
// a client hangs up would let a flood of impatient clients run any number at once.
func (h *Hasher) run(ctx context.Context, j job) (result, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return result{}, err
	}
	defer release()
	_, end := tracing.Part(ctx, "hash")
	defer end()
	began := time.Now()
	defer func() { h.done.Add(1); h.took.Add(int64(time.Since(began))) }()
	return h.work(j)
}

// idleAfter is how long no hash may have run before memory is given back.
const idleAfter = time.Second

func (h *Hasher) giveBack() {
	if len(h.slots) == 0 {
		debug.FreeOSMemory()
	}
}

var errNoWorker = errors.New("no hash worker came free in time")

type aheadKey struct{}

// Ahead lets the hashes of ctx go ahead of strangers', however many of those
// wait. It is for whoever can only be who they seem to be, or is held to a limit
// of their own: with nothing to hold them, they would be the flood.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// placesEach is how many strangers are let in for each worker: one is hashed for,
// and what the next ones need before and after is done meanwhile.
const placesEach = 4

// Enter lets a stranger in, in the order they came, before anything is looked up or
// counted for them. Whoever is to be refused since too many come has then cost
// nothing but the wait, and what lies between Enter and leave goes on for few at
// a time, however many there are. The error is that of a hash: of model.CodeBusy
// when no place came free in time. Those of a crowd that came together are not
// refused together, as they would come back together.
func (h *Hasher) Enter(ctx context.Context) (leave func(), err error) {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	if err := h.take(ctx, h.places, h.wait-mathrand.N(h.wait/4+1)); err != nil {
		return nil, err
	}
	return func() { <-h.places }, nil
}

// take puts a token into a channel within a time, for one that waits.
func (h *Hasher) take(ctx context.Context, from chan struct{}, within time.Duration) error {
	if err := ctx.Err(); err != nil {
		return busy(err) // or a free place could win the select below
	}
	select { // before a timer that is over by the time it is looked at
	case from <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case from <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy(ctx.Err())
	case <-timer.C:
		h.refused.Add(1)
		return busy(errNoWorker)
	}
}

// acquire takes a slot, and returns what frees it. Waiting callers are served in
// the order they came, as senders on a channel are; strangers wait apart.
//
// A hash works on tens of megabytes that the runtime would keep for the next one;
// after the last of a while they go back to the system, so a service at rest is
// as small as before.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	until, leave := time.Now().Add(h.wait), func() {}
	if ctx.Value(aheadKey{}) == nil {
		if err := h.take(ctx, h.strangers, h.wait); err != nil {
			return nil, err
		}
		leave = func() { <-h.strangers }
	}
	if err := h.take(ctx, h.slots, time.Until(until)); err != nil {
		leave()
		return nil, err
	}
	return func() {
		<-h.slots
		leave()
		h.idle.Reset(idleAfter)
	}, nil
}

func busy(cause error) error {
	return model.Errorf(model.CodeBusy, "Too many passwords are being checked right now. Try again in a few seconds.").Because(cause)
}
