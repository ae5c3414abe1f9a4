package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"rolegate/internal/login"
	"rolegate/internal/token"
	"rolegate/internal/tracing"
	"rolegate/model"
)

// Config is every setting of the service. Each field is an environment variable
// and a flag of the same name; docs/operations.md explains them. The zero value of a field added later must mean what the service did
// before it.
type Config struct {
	Listen           string        `env:"ROLEGATE_LISTEN" envDefault:"127.0.0.1:8080" about:"public API and pages"`
	AdminListen      string        `env:"ROLEGATE_ADMIN_LISTEN" envDefault:"127.0.0.1:8081" about:"readiness, metrics, pprof; never the public listener"`
	Issuer           string        `env:"ROLEGATE_ISSUER" envDefault:"http://localhost:8080" about:"the only source of URLs in metadata, links and iss"`
	Audience         string        `env:"ROLEGATE_AUDIENCE" about:"aud of access tokens (default: the issuer)"`
	SigningAlgorithm string        `env:"ROLEGATE_SIGNING_ALGORITHM" envDefault:"ES256" about:"ES256, EdDSA or RS256"`
	SigningKeyLife   time.Duration `env:"ROLEGATE_SIGNING_KEY_LIFE" envDefault:"2160h" about:"how long a key signs tokens before the next one does (default: 90 days); 0 leaves rotation to people"`
	CORSOrigins      []string      `env:"ROLEGATE_CORS_ORIGINS" about:"exact origins of CRM frontends whose pages call the login and /v1/me, comma-separated"`
	Data             string        `env:"ROLEGATE_DATA" envDefault:"./data" about:"SQLite files, key file, lock and local socket"`
	DatabaseURL      string        `env:"ROLEGATE_DATABASE_URL" about:"postgres://... (default: SQLite in ROLEGATE_DATA); also ROLEGATE_DATABASE_URL_FILE"`
	KeyFile          string        `env:"ROLEGATE_KEY_FILE" about:"key-encryption key, mode 0600 (default: master.key in ROLEGATE_DATA)"`
	KeystoreURL      string        `env:"ROLEGATE_KEYSTORE_URL" about:"keys of the log: a file or postgres://... (default: keys.db in ROLEGATE_DATA; required with PostgreSQL); also ROLEGATE_KEYSTORE_URL_FILE"`
	FourEyes         string        `env:"ROLEGATE_FOUR_EYES" envDefault:"required" about:"required, or single for one-person firms: a change of the policy that nobody approved may be published a day after it was submitted"`
	TLSCert          string        `env:"ROLEGATE_TLS_CERT" about:"PEM certificate; serves TLS"`
	TLSKey           string        `env:"ROLEGATE_TLS_KEY" about:"PEM key of ROLEGATE_TLS_CERT"`
	BehindProxy      bool          `env:"ROLEGATE_BEHIND_PROXY" about:"TLS ends at a proxy in front: permits a non-loopback listen without a certificate"`
	MaxConnections   int           `env:"ROLEGATE_MAX_CONNECTIONS" envDefault:"10000" about:"open connections of the public listener; when full, the one that waits longest for a request is closed"`
	TrustedProxies   []string      `env:"ROLEGATE_TRUSTED_PROXIES" about:"CIDRs whose X-Forwarded-For is believed, comma-separated"`
	Audit            string        `env:"ROLEGATE_AUDIT" envDefault:"durable" about:"durable: an answer leaves after its record is committed; buffered: decisions are recorded within 100 ms after"`
	AuditFile        string        `env:"ROLEGATE_AUDIT_FILE" about:"file that gets each entry of the log as a line of JSON (OCSF 1.8.0), mode 0600"`
	AuditWebhook     string        `env:"ROLEGATE_AUDIT_WEBHOOK" about:"https URL that gets them in signed batches (Standard Webhooks); also ROLEGATE_AUDIT_WEBHOOK_FILE"`
	AuditSecret      string        `env:"ROLEGATE_AUDIT_WEBHOOK_SECRET" about:"signs them: whsec_ and 24 to 64 random bytes in base64, two of them while one takes the place of another; better ROLEGATE_AUDIT_WEBHOOK_SECRET_FILE"`
	AuditAllow       []string      `env:"ROLEGATE_AUDIT_WEBHOOK_ALLOW" about:"CIDRs inside that ROLEGATE_AUDIT_WEBHOOK may lead to, comma-separated (default: public addresses only)"`
	AuditProfile     string        `env:"ROLEGATE_AUDIT_PROFILE" envDefault:"pseudonymous" about:"pseudonymous: persons go out as pseudonyms, without names, ids and addresses; full: with them, a copy that no erasure reaches"`
	AuditVerify      time.Duration `env:"ROLEGATE_AUDIT_VERIFY" envDefault:"24h" about:"how long after the service has verified its own log it does so again; nothing turns that off"`
	AuditPublic      bool          `env:"ROLEGATE_AUDIT_PUBLIC" envDefault:"true" about:"checkpoints, tiles of hashes and proofs of the log are for anybody; false: for clients with the scope audit and persons who may read the log"`
	LogLevel         string        `env:"ROLEGATE_LOG_LEVEL" envDefault:"info" about:"info, or debug to have a line for each decision that went well, too"`
	OTLPEndpoint     string        `env:"ROLEGATE_OTLP_ENDPOINT" about:"OpenTelemetry collector for traces, such as http://localhost:4318 (default: no traces)"`
	TraceSample      int           `env:"ROLEGATE_TRACE_SAMPLE" envDefault:"100" about:"one in this many requests is traced, and those whose caller traces them"`
	SnapshotMemory   int64         `env:"ROLEGATE_SNAPSHOT_MEMORY" envDefault:"1073741824" about:"bytes that compiled policies of tenants may take together; the ones not used longest are given up"`
	SnapshotIdle     time.Duration `env:"ROLEGATE_SNAPSHOT_IDLE" envDefault:"30m" about:"how long the compiled policy of a tenant nobody asks for is kept"`
	CasbinSample     int           `env:"ROLEGATE_CASBIN_SAMPLE" envDefault:"10000" about:"one in this many decisions is checked against Casbin in the background; 0 for none"`
	Drain            time.Duration `env:"ROLEGATE_DRAIN" envDefault:"0s" about:"how long a stop is only announced by /readyz before it begins, so that a proxy sends nothing more"`
	RevisionWait     time.Duration `env:"ROLEGATE_REVISION_WAIT" envDefault:"500ms" about:"how long a question waits for the revision it demands"`
	TOTPSkew         int           `env:"ROLEGATE_TOTP_SKEW" envDefault:"1" about:"1: one-time codes a step either side of the device's clock; 0: those of the present step and the one before alone"`
	Breached         string        `env:"ROLEGATE_BREACHED_PASSWORDS" about:"breached passwords of haveibeenpwned.com: the directory of ranges, or the file sorted by hash, that its downloader made; a new password must not be in it"`
	SessionIdle      time.Duration `env:"ROLEGATE_SESSION_IDLE" envDefault:"1h" about:"how long a person's session lives without being refreshed"`
	SessionMax       time.Duration `env:"ROLEGATE_SESSION_MAX" envDefault:"24h" about:"how long a person's session lives at most, whatever is done in it"`
	MaxSessions      int           `env:"ROLEGATE_MAX_SESSIONS" envDefault:"10" about:"live sessions of one person; of more the oldest end"`
	HistoryDays      int           `env:"ROLEGATE_HISTORY_DAYS" envDefault:"90" about:"days that people see back in their own login history"`
	Policy           string        `env:"ROLEGATE_POLICY" about:"policy file of the first tenant (default: the embedded policy.csv)"`

	LoginRate         int   `env:"ROLEGATE_LOGIN_RATE" envDefault:"30" about:"failed logins a minute from one address, four times as many at once; other limits on guessing follow from it"`
	MaxRequest        int64 `env:"ROLEGATE_MAX_REQUEST" envDefault:"262144" about:"bytes of a decision or search request"`
	MaxBatch          int   `env:"ROLEGATE_MAX_BATCH" envDefault:"1000" about:"questions in one request"`
	MaxNesting        int   `env:"ROLEGATE_MAX_NESTING" envDefault:"64" about:"levels of nesting of a JSON body or an import file"`
	MaxPolicy         int64 `env:"ROLEGATE_MAX_POLICY" envDefault:"67108864" about:"bytes of a policy document or import file"`
	MaxDirectRoles    int   `env:"ROLEGATE_MAX_DIRECT_ROLES" envDefault:"64" about:"roles assigned to one member"`
	MaxInheritedRoles int   `env:"ROLEGATE_MAX_INHERITED_ROLES" envDefault:"1024" about:"roles that one role, or all roles assigned to one member (a user or a team), inherit, directly or not; what a user has by several teams adds up"`
	MaxResults        int   `env:"ROLEGATE_MAX_RESULTS" envDefault:"1000" about:"results of one page of a search"`
	MaxFilterIDs      int   `env:"ROLEGATE_MAX_FILTER_IDS" envDefault:"50000" about:"ids in one list of a list filter"`
}

// Limits are the limits that are set. ReadConfig fills the defaults in: a limit of
// zero is one that somebody wrote, and refused.
func (c Config) Limits() model.Limits {
	return model.Limits{Request: c.MaxRequest, Batch: c.MaxBatch, Nesting: c.MaxNesting, Policy: c.MaxPolicy,
		DirectRoles: c.MaxDirectRoles, InheritedRoles: c.MaxInheritedRoles, Results: c.MaxResults, FilterIDs: c.MaxFilterIDs}
}

// Setting describes one setting for help texts.
type Setting struct {
	Name    string // ROLEGATE_LISTEN
	Flag    string // listen
	Default string
	About   string
}

// Settings describes all settings in the order of Config.
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	out := make([]Setting, 0, t.NumField())
	for f := range t.Fields() {
		name := f.Tag.Get("env")
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", "-")
		out = append(out, Setting{name, flag, f.Tag.Get("envDefault"), f.Tag.Get("about")})
	}
	return out
}

// secrets are the settings that may also come from a file named by NAME_FILE.
var secrets = []string{"ROLEGATE_DATABASE_URL", "ROLEGATE_KEYSTORE_URL", "ROLEGATE_AUDIT_WEBHOOK", "ROLEGATE_AUDIT_WEBHOOK_SECRET"}

const prefix = "ROLEGATE_"

// ReadConfig reads the environment ("KEY=value" lines, as os.Environ gives
// them). A variable of our prefix that no setting has is an error, since it is
// most likely a misspelt one.
func ReadConfig(environ []string) (Config, error) {
	vars := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, prefix) {
			vars[k] = v
		}
	}
	maps.DeleteFunc(vars, func(_, v string) bool { return v == "" }) // as unset, as compose files write it
	if err := readSecretFiles(vars); err != nil {
		return Config{}, err
	}
	for name := range vars {
		if !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name == name }) {
			return Config{}, settingError("%s is not a setting of Rolegate; `rolegate serve --help` lists them", name)
		}
	}
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return Config{}, malformed(vars, err)
	}
	return c, nil
}

// malformed names the setting whose value is not of its type.
func malformed(vars map[string]string, err error) error {
	var parse env.ParseError
	if errors.As(err, &parse) {
		if f, ok := reflect.TypeFor[Config]().FieldByName(parse.Name); ok {
			name := f.Tag.Get("env")
			return settingError("%s %q is not a %s", name, vars[name], wanted(f.Type))
		}
	}
	return settingError("%v", err)
}

// wanted says what a setting of a type looks like.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration, such as 30m"
	case t.Kind() == reflect.Bool:
		return "bool, such as true or false"
	}
	return "whole number"
}

// readSecretFiles replaces NAME_FILE by NAME with the file's first line.
func readSecretFiles(vars map[string]string) error {
	for _, name := range secrets {
		path, ok := vars[name+"_FILE"]
		if !ok {
			continue
		}
		delete(vars, name+"_FILE")
		if vars[name] != "" {
			return settingError("%s and %s_FILE are both set; set one", name, name)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return settingError("%s_FILE: cannot read %s: %v", name, path, cause(err))
		}
		vars[name], _, _ = strings.Cut(strings.TrimSpace(string(b)), "\n")
	}
	return nil
}

// complete fills in what is derived from other settings.
func (c Config) complete() Config {
	if c.Audience == "" {
		c.Audience = c.Issuer
	}
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.Data, "master.key")
	}
	if c.KeystoreURL == "" && c.DatabaseURL == "" {
		c.KeystoreURL = filepath.Join(c.Data, "keys.db")
	}
	return c
}

// Validate says which setting to mend, in one sentence, or nothing.
func (c Config) Validate() error {
	checks := []func(Config) error{
		checkListen, checkIssuer, checkDatabase, checkTLS, checkOrigins, checkProxies, checkChoices, checkSinks, checkSessions, checkLimits,
	}
	for _, check := range checks {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func checkListen(c Config) error {
	for name, addr := range map[string]string{"ROLEGATE_LISTEN": c.Listen, "ROLEGATE_ADMIN_LISTEN": c.AdminListen} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return settingError("%s %q is not host:port", name, addr)
		}
	}
	if c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		return settingError("ROLEGATE_LISTEN and ROLEGATE_ADMIN_LISTEN are both %s; metrics and pprof never share the public listener", c.Listen)
	}
	return nil
}

var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

func checkIssuer(c Config) error {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return settingError("ROLEGATE_ISSUER %q is not an http or https URL", c.Issuer)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(c.Issuer, "/") {
		return settingError("ROLEGATE_ISSUER %q must have no query, fragment, user or trailing slash", c.Issuer)
	}
	// It becomes part of a route, see server.routes, and clients take dot segments away.
	if p := u.EscapedPath(); !plainPath.MatchString(p) || p != "" && p != path.Clean(p) {
		return settingError("ROLEGATE_ISSUER %q: its path can have letters, digits and - . _ ~ between single slashes, and no dots alone", c.Issuer)
	}
	return nil
}

func checkDatabase(c Config) error {
	if c.Data == "" {
		return settingError("ROLEGATE_DATA is empty; the lock and the local socket live there")
	}
	if c.DatabaseURL == "" {
		return nil
	}
	if !isPostgres(c.DatabaseURL) {
		return settingError("ROLEGATE_DATABASE_URL must begin with postgres:// (leave it empty for SQLite in ROLEGATE_DATA)")
	}
	if c.KeystoreURL == "" {
		return settingError("ROLEGATE_KEYSTORE_URL is required with ROLEGATE_DATABASE_URL: the log's keys live apart from the log")
	}
	if c.KeystoreURL == c.DatabaseURL {
		return settingError("ROLEGATE_KEYSTORE_URL is the same as ROLEGATE_DATABASE_URL: the log's keys live apart from the log")
	}
	return nil
}

func isPostgres(u string) bool {
	return strings.HasPrefix(u, "postgres://") || strings.HasPrefix(u, "postgresql://")
}

func checkTLS(c Config) error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return settingError("ROLEGATE_TLS_CERT and ROLEGATE_TLS_KEY go together; only one is set")
	}
	if c.TLSCert != "" && strings.HasPrefix(c.Issuer, "http://") {
		return settingError("ROLEGATE_TLS_CERT serves TLS, and ROLEGATE_ISSUER %s is http: links and tokens would name what nobody answers; make it https", c.Issuer)
	}
	if c.TLSCert != "" && c.BehindProxy {
		return settingError("ROLEGATE_BEHIND_PROXY says TLS ends at a proxy, and ROLEGATE_TLS_CERT says it ends here; set one")
	}
	if c.TLSCert == "" && !c.BehindProxy && !loopback(c.Listen) {
		return settingError("ROLEGATE_LISTEN %s is reachable from elsewhere without TLS: set ROLEGATE_TLS_CERT and ROLEGATE_TLS_KEY, or ROLEGATE_BEHIND_PROXY=true where a proxy in front ends TLS", c.Listen)
	}
	if !c.BehindProxy && !loopback(c.AdminListen) {
		return settingError("ROLEGATE_ADMIN_LISTEN %s is reachable from elsewhere and has no login: keep it on loopback, or set ROLEGATE_BEHIND_PROXY=true where a network in front fences it", c.AdminListen)
	}
	return nil
}

// loopback tells whether addr can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// defaultPorts are those no browser spells out in an origin.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

func checkOrigins(c Config) error {
	for _, o := range c.CORSOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || o != u.Scheme+"://"+strings.ToLower(u.Host) ||
			strings.Contains(o, "*") || u.Port() == defaultPorts[u.Scheme] {
			return settingError("ROLEGATE_CORS_ORIGINS: %q is not an origin as browsers send it, such as https://crm.example.com", o)
		}
	}
	return nil
}

func checkProxies(c Config) error {
	for _, p := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			return settingError("ROLEGATE_TRUSTED_PROXIES: %q is not a CIDR such as 10.0.0.5/32", p)
		}
	}
	return nil
}

// private are the networks whose addresses people and machines inside have.
var private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7")}

// fewHosts is how many bits of an address may be left open where proxies are
// meant, and not their neighbours.
const fewHosts = 4

// wideProxies are those of the networks that have more private addresses than
// proxies there may be. Public ones may be wide: a content delivery network's are.
func wideProxies(networks []string) (wide []string) {
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err == nil && p.Bits() < p.Addr().BitLen()-fewHosts && slices.ContainsFunc(private, p.Overlaps) {
			wide = append(wide, n)
		}
	}
	return wide
}

func checkChoices(c Config) error {
	switch {
	case !slices.Contains(token.Algorithms, c.SigningAlgorithm):
		return settingError("ROLEGATE_SIGNING_ALGORITHM is one of %s, not %q", strings.Join(token.Algorithms, ", "), c.SigningAlgorithm)
	case c.SigningKeyLife != 0 && c.SigningKeyLife < time.Hour:
		return settingError("ROLEGATE_SIGNING_KEY_LIFE is 0s, or a duration of at least 1h, not %s", c.SigningKeyLife)
	case c.FourEyes != "required" && c.FourEyes != fourEyesSingle:
		return settingError("ROLEGATE_FOUR_EYES is required or single, not %q", c.FourEyes)
	case c.LoginRate < 1 || c.LoginRate > maxLoginRate:
		return settingError("ROLEGATE_LOGIN_RATE is 1 to %d, not %d", maxLoginRate, c.LoginRate)
	case c.SnapshotMemory < 1<<20:
		return settingError("ROLEGATE_SNAPSHOT_MEMORY is a number of bytes of at least 1048576, not %d", c.SnapshotMemory)
	case c.SnapshotIdle < time.Second:
		return settingError("ROLEGATE_SNAPSHOT_IDLE is a duration of at least 1s, not %s", c.SnapshotIdle)
	case c.MaxConnections < minConnections || c.MaxConnections > maxConnections:
		return settingError("ROLEGATE_MAX_CONNECTIONS is %d to %d, not %d", minConnections, maxConnections, c.MaxConnections)
	case c.CasbinSample < 0:
		return settingError("ROLEGATE_CASBIN_SAMPLE is 0 or more, not %d", c.CasbinSample)
	case c.TraceSample < 1:
		return settingError("ROLEGATE_TRACE_SAMPLE is 1 or more, not %d; without ROLEGATE_OTLP_ENDPOINT nothing is traced", c.TraceSample)
	case c.OTLPEndpoint != "" && tracing.Check(c.OTLPEndpoint) != nil:
		return settingError("ROLEGATE_OTLP_ENDPOINT %v", tracing.Check(c.OTLPEndpoint))
	case c.TOTPSkew != 0 && c.TOTPSkew != 1:
		return settingError("ROLEGATE_TOTP_SKEW is 0 or 1, not %d", c.TOTPSkew)
	case c.Drain < 0 || c.Drain > maxDrain:
		return settingError("ROLEGATE_DRAIN is a duration of 0s to %s, not %s", maxDrain, c.Drain)
	case c.RevisionWait < 0 || c.RevisionWait > maxRevisionWait:
		return settingError("ROLEGATE_REVISION_WAIT is a duration of 0s to %s, not %s", maxRevisionWait, c.RevisionWait)
	case c.Audit != auditDurable && c.Audit != auditBuffered:
		return settingError("ROLEGATE_AUDIT is %s or %s, not %q; nothing turns the log off", auditDurable, auditBuffered, c.Audit)
	case c.AuditVerify < minAuditVerify || c.AuditVerify > maxAuditVerify:
		return settingError("ROLEGATE_AUDIT_VERIFY is a duration of %s to %s, not %s; nothing turns the verification of the log off", minAuditVerify, maxAuditVerify, c.AuditVerify)
	case c.LogLevel != "" && c.LogLevel != "info" && c.LogLevel != "debug":
		return settingError("ROLEGATE_LOG_LEVEL is info or debug, not %q", c.LogLevel)
	}
	return nil
}

// Bounds of sessions: an access token must not outlive the idle limit, and a
// stolen refresh token not a week.
const (
	maxSessionMax  = 7 * 24 * time.Hour
	maxMaxSessions = 1000
	maxHistoryDays = 3650
)

func checkSessions(c Config) error {
	switch {
	case c.SessionMax < login.AccessTTL || c.SessionMax > maxSessionMax:
		return settingError("ROLEGATE_SESSION_MAX is a duration of %s to %s, not %s", login.AccessTTL, maxSessionMax, c.SessionMax)
	case c.SessionIdle < login.AccessTTL || c.SessionIdle > c.SessionMax:
		return settingError("ROLEGATE_SESSION_IDLE is a duration of %s to ROLEGATE_SESSION_MAX, which is %s, not %s", login.AccessTTL, c.SessionMax, c.SessionIdle)
	case c.MaxSessions < 1 || c.MaxSessions > maxMaxSessions:
		return settingError("ROLEGATE_MAX_SESSIONS is a number of 1 to %d, not %d", maxMaxSessions, c.MaxSessions)
	case c.HistoryDays < 1 || c.HistoryDays > maxHistoryDays:
		return settingError("ROLEGATE_HISTORY_DAYS is a number of 1 to %d, not %d", maxHistoryDays, c.HistoryDays)
	}
	return nil
}

// maxLoginRate is as good as no limit.
const maxLoginRate = 1_000_000

// maxRevisionWait keeps whoever demands a revision that never comes from
// holding a place for long.
const maxRevisionWait = 10 * time.Second

func checkLimits(c Config) error { return c.Limits().Validate() }

// The bounds of ROLEGATE_MAX_CONNECTIONS.
const (
	minConnections = 16
	maxConnections = 1_000_000
)

// maxDrain is as long as a supervisor may be expected to wait.
const maxDrain = time.Minute

// The values of ROLEGATE_AUDIT.
const (
	auditDurable  = "durable"
	auditBuffered = "buffered"
)

// fourEyesSingle is the other value of ROLEGATE_FOUR_EYES than its default.
const fourEyesSingle = "single"

// The bounds of ROLEGATE_AUDIT_VERIFY. An altered log is to be found while somebody
// remembers what happened.
const (
	minAuditVerify = time.Second
	maxAuditVerify = 7 * 24 * time.Hour
)

func settingError(format string, args ...any) error {
	return model.Errorf(model.CodeSettingInvalid, format, args...)
}

// cause is a file error without the path it repeats.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return fmt.Errorf("%w", err)
}

// Level is the least level that is logged.
func (c Config) Level() slog.Level {
	if c.LogLevel == "debug" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// logOrigin names the log in its checkpoints: the address they are served under,
// without its scheme (C2SP tlog-tiles). It counts when the log's key is made.
func (c Config) logOrigin() string {
	_, address, _ := strings.Cut(c.Issuer, "://")
	return address + "/v1/audit"
}

// KeyPath is where the key file lies.
func (c Config) KeyPath() string { return c.complete().KeyFile }
