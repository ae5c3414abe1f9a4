package requirements

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"rolegate/internal/app"
	"rolegate/internal/audit"
	"rolegate/internal/testkit"
	"rolegate/internal/testkit/pgtest"
	"rolegate/internal/testkit/smalldisk"
)

func init() {
	requires(2, "while the log cannot be written every decision is 503 within 2 s and none a yes; it recovers by itself; nothing turns the log off", r2)
}

// An outage begins and ends what keeps the log from being written.
type outage struct {
	name  string
	some  bool // there may be room for a record now and then
	setup func(t *testing.T) (k *testkit.Kit, begin, end func())
}

func r2(t *testing.T) {
	for _, o := range []outage{
		{"postgres stopped", false, r2Postgres((*pgtest.Server).Stop, (*pgtest.Server).Start)},
		{"postgres killed", false, r2Postgres((*pgtest.Server).Kill, (*pgtest.Server).Start)},
		{"postgres hangs", false, r2Link((*pgtest.Link).Freeze, (*pgtest.Link).Thaw)},
		{"sqlite held by another", false, r2Held},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel() // most of an outage is waiting
			o.check(t)
		})
	}
	for _, f := range []r2Full{
		{"sqlite on a full disk", 8 << 20, r2DataSQLite},
		{"postgres' tables on a full disk", 24 << 20, r2DataPostgres},
		{"postgres' log on a full disk", 64 << 20, r2LogPostgres},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.check(t)
		})
	}
	t.Run("nothing turns it off", r2NoSwitch)
}

func r2Postgres(begin, end func(*pgtest.Server)) func(t *testing.T) (*testkit.Kit, func(), func()) {
	return func(t *testing.T) (*testkit.Kit, func(), func()) {
		server := pgtest.Start(t)
		k := testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+server.URL())
		return k, func() { begin(server) }, func() { end(server) }
	}
}

func r2Link(begin, end func(*pgtest.Link)) func(t *testing.T) (*testkit.Kit, func(), func()) {
	return func(t *testing.T) (*testkit.Kit, func(), func()) {
		link := pgtest.NewLink(t, pgtest.URL(t))
		k := testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+link.URL)
		return k, func() { begin(link) }, func() { end(link) }
	}
}

// r2Held has a backup tool take the database and not let go.
func r2Held(t *testing.T) (*testkit.Kit, func(), func()) {
	k := testkit.New(t)
	conn, err := openRaw(t, filepath.Join(k.Config.Data, "rolegate.db")).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string) func() {
		return func() {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				t.Error(err)
			}
		}
	}
	return k, do("BEGIN IMMEDIATE"), do("ROLLBACK")
}

// openRaw opens a SQLite database past the service.
func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// r2Full fills the disk that something is on while decisions are asked for.
type r2Full struct {
	name string
	size int // of the disk, in bytes
	// on starts a service there. again is what somebody does besides when there is
	// room again; the service itself needs nobody.
	on func(t *testing.T, d *smalldisk.Disk) (k *testkit.Kit, full, again func())
}

func (f r2Full) check(t *testing.T) {
	smalldisk.Run(t, f.size, func(d *smalldisk.Disk) {
		outage{f.name, true, func(t *testing.T) (*testkit.Kit, func(), func()) {
			k, full, again := f.on(t, d)
			return k, func() { d.Fill(t); full() }, func() { d.Free(t); again() }
		}}.check(t)
	})
}

func nobody() {}

func r2DataSQLite(t *testing.T, d *smalldisk.Disk) (*testkit.Kit, func(), func()) {
	return testkit.Start(t, d.Dir), nobody, nobody
}

// r2DataPostgres has the tables on the disk: PostgreSQL refuses what makes them grow.
func r2DataPostgres(t *testing.T, d *smalldisk.Disk) (*testkit.Kit, func(), func()) {
	url := pgtest.Start(t).DatabaseIn(d.Dir, "small")
	return testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+url), nobody, nobody
}

// r2LogPostgres has the write-ahead log there: PostgreSQL gives up, cannot recover for
// want of room, and ends; whoever keeps services running starts it again.
func r2LogPostgres(t *testing.T, d *smalldisk.Disk) (*testkit.Kit, func(), func()) {
	server := pgtest.Start(t)
	server.MoveLog(d.Dir)
	k := testkit.NewPostgres(t, "ROLEGATE_DATABASE_URL="+server.URL())
	return k, server.ExhaustLog, func() { server.Stop(); server.Start() }
}

// r2Grace is how much longer than the log's own deadline an answer may take on a
// machine that does other things.
const r2Grace = audit.Timeout

func (o outage) check(t *testing.T) {
	k, begin, end := o.setup(t)
	k.MustEnrol("alice", "sales-rep")
	a := startAsking(func() string { return k.URL }, k.ClientToken("crm"))
	a.waitFor(t, 50)
	begin()
	began := time.Now()
	time.Sleep(audit.Timeout * 5 / 2) // so that what waits is refused, and what comes after it
	until := time.Now()
	end()
	recovered := time.Now()
	a.waitFor(t, 50)
	t.Logf("decisions again after %v", time.Since(recovered).Round(time.Millisecond))
	answers := a.stop()

	refused := 0
	var slowest time.Duration
	for _, got := range answers {
		if got.status == http.StatusServiceUnavailable {
			refused++
		}
		slowest = max(slowest, got.took)
		if got.at.Before(began) || !got.at.Before(until) || got.status == http.StatusOK && !got.at.Add(got.took).Before(until) {
			continue // it was asked, or answered, while there was none
		}
		if o.some && got.status == http.StatusOK {
			continue // checkLog finds its entry
		}
		if got.status != http.StatusServiceUnavailable || got.code != "audit_unavailable" || got.allowed {
			t.Errorf("%v into the outage: %d %s", got.at.Sub(began), got.status, got.code)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused: there was no outage")
	}
	if slowest > audit.Timeout+r2Grace {
		t.Errorf("an answer took %v", slowest)
	}
	t.Logf("%d answers, %d refused, the slowest after %v", len(answers), refused, slowest.Round(time.Millisecond))
	checkLog(t, k.App.Store, answers)
}

// r2NoSwitch turns every setting to what could be taken for off.
func r2NoSwitch(t *testing.T) {
	for _, s := range app.Settings() {
		for _, off := range []string{"off", "false", "none", "0", "0s", "no"} {
			c, err := app.ReadConfig([]string{s.Name + "=" + off, "ROLEGATE_DATA=" + t.TempDir()})
			if err != nil || c.Validate() != nil {
				continue // it is not a value
			}
			switch s.Name {
			case "ROLEGATE_AUDIT", "ROLEGATE_AUDIT_VERIFY":
				t.Errorf("%s=%s is accepted", s.Name, off)
			}
		}
	}
	// What decides whether something is recorded, each at the value that records least.
	k := testkit.New(t, "ROLEGATE_AUDIT=buffered", "ROLEGATE_LOG_LEVEL=info", "ROLEGATE_FOUR_EYES=single", "ROLEGATE_CASBIN_SAMPLE=0")
	k.MustEnrol("alice", "sales-rep")
	client := k.ClientToken("crm")
	before, err := k.App.Store.LogSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k.Want(k.Evaluate(client, "alice", "read", "contact", own), 200, "decision", true)
	eventually(t, "the decision is recorded", func() bool {
		size, err := k.App.Store.LogSize(t.Context())
		return err == nil && size == before+1
	})
}
