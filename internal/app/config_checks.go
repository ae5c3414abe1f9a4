package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"rolegate/internal/login"
	"rolegate/internal/token"
	"rolegate/internal/tracing"
	"rolegate/model"
)

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
		if n, err := netip.ParsePrefix(p); err != nil || n.Addr().Is4In6() {
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
