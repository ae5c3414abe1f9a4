package app

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

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
		if vars[name], _, _ = strings.Cut(strings.TrimSpace(string(b)), "\n"); vars[name] == "" {
			return settingError("%s_FILE: %s is empty", name, path) // not as unset: whoever names a file wants what it holds
		}
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
