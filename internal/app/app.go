// Package app wires Rolegate: it turns a Config into an open store, the
// services over it, and a running process. It is the only package that sees all
// others.
//
//	Config ─▶ open ─┬─▶ store, keystore, key-encryption key, log
//	                ├─▶ login, directory, policy
//	                └─▶ Serve: public API, admin listener, local socket
//
// Commands come through Operation: on the store itself under the process lock,
// or through the local socket of the process that holds it.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rolegate"
	"rolegate/internal/administration"
	"rolegate/internal/audit"
	"rolegate/internal/audit/checkpoint"
	"rolegate/internal/audit/search"
	"rolegate/internal/audit/selfverify"
	"rolegate/internal/change"
	"rolegate/internal/directory"
	"rolegate/internal/keyring"
	"rolegate/internal/login"
	"rolegate/internal/password"
	"rolegate/internal/policy"
	"rolegate/internal/store"
	"rolegate/internal/store/sqlstore"
	"rolegate/internal/token"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// App is an open Rolegate. Close gives the data directory back.
type App struct {
	Config   Config
	Store    store.Store
	Keystore store.Keystore
	Log      *audit.Log
	// Checkpoints makes and serves the checkpoints of the log.
	Checkpoints *checkpoint.Publisher
	Login       *login.Service
	Directory   *directory.Service
	// Administration is what people do to others, by right.
	Administration *administration.Service
	Policy         *policy.Service
	Change         *change.Service // of the policy, by people
	Search         *search.Search  // of the log
	Logger         *slog.Logger
	Now            func() time.Time
	// HashWorker makes the program that hashes passwords for Serve, see
	// password.Work; nil hashes in this process.
	HashWorker func() *exec.Cmd
	Timeouts   Timeouts // of connections; Serve reads them

	kek        *keyring.KEK
	process    string      // this process among those that have the key file
	unkeyed    atomic.Bool // the key that seals is not in this process's file
	db         *sqlstore.DB
	feed       *store.Feed // what other replicas commit
	sampled    *prometheus.CounterVec
	reused     prometheus.Counter
	offsets    prometheus.Histogram
	clockJumps *prometheus.CounterVec
	tracer     *tracing.Tracer // nil where nothing is traced

	verifier *selfverify.Verifier  // of the log
	breaches *password.BreachFiles // nil without ROLEGATE_BREACHED_PASSWORDS
	leaving  atomic.Bool           // a stop was asked for; see ROLEGATE_DRAIN
	lock     *lock
}

// Open takes the data directory and opens everything in it. Whoever has it
// already makes it a CodeLocked error.
func Open(ctx context.Context, c Config, logger *slog.Logger) (*App, error) {
	l, err := takeLock(c.Data)
	if errors.Is(err, errLocked) {
		return nil, model.Errorf(model.CodeLocked, "another rolegate works on %s; stop it, or set ROLEGATE_DATA to another directory", c.Data)
	}
	if err != nil {
		return nil, err
	}
	return open(ctx, c, l, true, logger)
}

// open opens everything under a lock that was taken, which it gives back on failure.
// Where there is no store it makes one, or is a NoStoreError.
func open(ctx context.Context, c Config, l *lock, makes bool, logger *slog.Logger) (_ *App, err error) {
	a := &App{Config: c.complete(), Logger: logger, Now: time.Now, Timeouts: DefaultTimeouts, process: rand.Text(), lock: l}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.Config.Validate(); err != nil {
		return nil, err
	}
	if err := checkPrivate("ROLEGATE_TLS_KEY", a.Config.TLSKey); err != nil {
		return nil, err
	}
	if !makes {
		if err := a.Config.hasStore(ctx); err != nil {
			return nil, err
		}
	}
	if err := a.openStores(ctx); err != nil {
		return nil, err
	}
	if a.kek, err = a.openKey(ctx); err != nil {
		return nil, err
	}
	if err := a.openMACRoot(ctx); err != nil {
		return nil, err
	}
	if a.Log, err = audit.Open(ctx, a.Store, a.Keystore, a.kek, a.now); err != nil {
		return nil, err
	}
	a.Checkpoints = checkpoint.New(a.Store, a.Keystore, a.kek, a.Log, a.Config.logOrigin(), a.now, logger)
	return a, a.openServices(ctx)
}

// now lets tests move the clock of an open App.
func (a *App) now() time.Time { return a.Now() }

func (a *App) openStores(ctx context.Context) (err error) {
	c := a.Config
	if c.DatabaseURL != "" {
		a.db, err = sqlstore.OpenPostgres(ctx, c.DatabaseURL)
	} else {
		a.db, err = sqlstore.OpenSQLite(ctx, c.databaseFile())
	}
	if err != nil {
		return err
	}
	a.Store, a.feed = a.db, store.NewFeed(a.db)
	open := sqlstore.OpenKeystoreSQLite
	if isPostgres(c.KeystoreURL) {
		open = sqlstore.OpenKeystorePostgres
	}
	keystore, err := open(ctx, c.KeystoreURL)
	if err != nil {
		return err
	}
	a.Keystore = keystore
	return nil
}

// drainGrace bounds how long the log may take to write what is in memory.
const drainGrace = 10 * time.Second

// leeway is how far the clocks of replicas may be apart.
const leeway = 10 * time.Second

func (a *App) openServices(ctx context.Context) error {
	c := a.Config
	keys, err := login.OpenKeys(ctx, a.Store, a.Log, a.kek, c.SigningAlgorithm, a.now)
	if err != nil {
		return err
	}
	keys.Life = c.SigningKeyLife
	verifier, err := token.NewVerifier(token.Verifier{Issuer: c.Issuer, Audience: c.Audience, Leeway: leeway, Now: a.now, Key: keys.Find})
	if err != nil {
		return err
	}
	if c.Breached != "" {
		if a.breaches, err = password.OpenBreachFiles(c.Breached); err != nil {
			return settingError("ROLEGATE_BREACHED_PASSWORDS %s: %v", c.Breached, err)
		}
	}
	assertions, err := token.NewAssertions(leeway, a.now, c.Issuer, c.Issuer+"/oauth2/token")
	if err != nil {
		return err
	}
	a.sampled, a.reused, a.offsets, a.clockJumps = newSampled(), newReused(), newOffsets(), newClockJumps()
	a.Policy = &policy.Service{
		Store: a.Store, Log: a.Log, Now: a.now, Limits: c.Limits(), RevisionWait: c.RevisionWait,
		Snapshots: &policy.Snapshots{Store: a.Store, Logger: a.Logger, Now: a.now, Budget: c.SnapshotMemory, Idle: c.SnapshotIdle},
		Sampler: policy.NewSampler(c.CasbinSample, a.Logger, func(o policy.SampleOutcome) {
			a.sampled.WithLabelValues(string(o)).Inc()
		}),
	}
	a.Login = &login.Service{
		Store: a.Store, Log: a.Log, KEK: a.kek, Hasher: password.New(password.Default, 0, password.DefaultWait), Breaches: a.breaches,
		Keys: keys, Requirements: a.Policy, Verifier: verifier, Assertions: assertions, Revisions: a.Store.Revisions(), Issuer: c.Issuer, Audience: c.Audience, Now: a.now,
		TOTPSkew: c.TOTPSkew,
		Limits:   login.SessionLimits{Idle: c.SessionIdle, Max: c.SessionMax, Live: c.MaxSessions},
		Reused: func(tenant string) {
			a.reused.Inc()
			a.Logger.Warn("a refresh token came back after its use, and its session was ended: somebody has a copy", "tenant", tenant)
		},
		Offset:    func(steps int64) { a.offsets.Observe(float64(steps)) },
		LoginRate: c.LoginRate,
	}
	a.verifier = selfverify.New(selfverify.Options{Store: a.Store, Keys: a.Keystore, Log: a.Log, Every: c.AuditVerify, Alone: c.DatabaseURL == "", Now: a.now, Logger: a.Logger,
		Key: a.logKey, Kept: a.Checkpoints.Noted, Accepted: a.acceptedFindings})
	a.Policy.Assurer, a.Policy.Callers = a.Login, a.Login
	a.Directory = &directory.Service{Store: a.Store, Log: a.Log, Issuer: c.Issuer, UsernameKey: login.UsernameKey,
		Inheritance: policy.Inheritance, Now: a.now, Limits: c.Limits()}
	a.Search = &search.Search{Store: a.Store, Log: a.Log}
	a.Change = &change.Service{Store: a.Store, Log: a.Log, Directory: a.Directory, Policy: a.Policy, Now: a.now, Single: c.FourEyes == fourEyesSingle, Process: a.process}
	a.Administration = &administration.Service{Store: a.Store, Directory: a.Directory, Policy: a.Policy, Change: a.Change, Log: a.Log, Now: a.now, SessionIdle: c.SessionIdle, Search: a.Search, Unlocker: a.Login}
	a.Login.Inviters = a.Administration
	return nil
}

// starterPolicy is the document of the first tenant.
func (a *App) starterPolicy() (string, error) {
	if a.Config.Policy == "" {
		return rolegate.StarterPolicy, nil
	}
	b, err := os.ReadFile(a.Config.Policy)
	if err != nil {
		return "", settingError("ROLEGATE_POLICY: cannot read %s: %v", a.Config.Policy, cause(err))
	}
	return string(b), nil
}

func (a *App) schema(ctx context.Context) (Schema, error) {
	v, err := a.db.SchemaVersion(ctx)
	return Schema{string(a.db.Dialect()), v}, err
}

// Ready tells whether a question could be answered and recorded now.
func (a *App) Ready(ctx context.Context) error {
	if a.leaving.Load() {
		return model.Errorf(model.CodeStopping, "this process is about to stop")
	}
	if err := a.Store.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := a.Keystore.Ping(ctx); err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	if a.unkeyed.Load() {
		return model.Errorf(model.CodeKeyMissing, "the key file %s has not the key that seals now; copy the file from where `rolegate keys kek add` was done", a.Config.KeyFile)
	}
	if err := a.Policy.Snapshots.Readable(ctx); err != nil {
		return err
	}
	return a.current()
}

// Close writes what the log still has in memory, closes the databases and gives
// the data directory back.
func (a *App) Close() error {
	var errs []error
	if a.Log != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainGrace)
		errs = append(errs, a.Log.Close(ctx))
		cancel()
	}
	if a.Keystore != nil {
		errs = append(errs, a.Keystore.Close())
	}
	errs = append(errs, a.breaches.Close())
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.release())
	}
	return errors.Join(errs...)
}
