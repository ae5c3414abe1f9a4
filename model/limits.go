package model

// Limits is what a request or a document may at most ask of us. Each is a
// setting; whatever passes one is refused by an error that names it, but for
// Results, to which a page of a search is cut.
type Limits struct {
	Request        int64 // bytes of a decision or search request, or of a directory entry
	Batch          int   // questions in one request
	Nesting        int   // levels of nesting of a JSON body or an import file, its object being the first
	Policy         int64 // bytes of a policy document, or of an import file
	DirectRoles    int   // roles assigned to one member
	InheritedRoles int   // roles that one role, or all roles assigned to one member (a user or a team), inherit, directly or not
	Results        int   // results of one page of a search or list
	FilterIDs      int   // ids in a list that a list filter compares with
}

// The settings of Limits, as refusals name them.
const (
	SettingRequest        = "ROLEGATE_MAX_REQUEST"
	SettingBatch          = "ROLEGATE_MAX_BATCH"
	SettingNesting        = "ROLEGATE_MAX_NESTING"
	SettingPolicy         = "ROLEGATE_MAX_POLICY"
	SettingDirectRoles    = "ROLEGATE_MAX_DIRECT_ROLES"
	SettingInheritedRoles = "ROLEGATE_MAX_INHERITED_ROLES"
	SettingResults        = "ROLEGATE_MAX_RESULTS"
	SettingFilterIDs      = "ROLEGATE_MAX_FILTER_IDS"
)

// DefaultLimits are the limits of an installation that sets none.
func DefaultLimits() Limits {
	return Limits{Request: 256 << 10, Batch: 1_000, Nesting: 64, Policy: 64 << 20,
		DirectRoles: 64, InheritedRoles: 1_024, Results: 1_000, FilterIDs: 50_000}
}

// lowest still let the starter policy in and every AuthZEN request through;
// highest are what the service was made for. A stored document was within
// highest when it was written, whatever the settings were.
var (
	lowest = Limits{Request: 1 << 10, Batch: 1, Nesting: 8, Policy: 64 << 10, DirectRoles: 1, InheritedRoles: 1, Results: 1, FilterIDs: 1}

	highest = Limits{Request: 16 << 20, Batch: 10_000, Nesting: 1_000, Policy: 256 << 20,
		DirectRoles: 1_024, InheritedRoles: 65_536, Results: 10_000, FilterIDs: 200_000}
)

// HighestLimits are the highest that may be set.
func HighestLimits() Limits { return highest }

// Validate names the first setting that is out of its range.
func (l Limits) Validate() error {
	for _, c := range []struct {
		setting            string
		value, least, most int64
	}{
		{SettingRequest, l.Request, lowest.Request, highest.Request},
		{SettingBatch, int64(l.Batch), int64(lowest.Batch), int64(highest.Batch)},
		{SettingNesting, int64(l.Nesting), int64(lowest.Nesting), int64(highest.Nesting)},
		{SettingPolicy, l.Policy, lowest.Policy, highest.Policy},
		{SettingDirectRoles, int64(l.DirectRoles), int64(lowest.DirectRoles), int64(highest.DirectRoles)},
		{SettingInheritedRoles, int64(l.InheritedRoles), int64(lowest.InheritedRoles), int64(highest.InheritedRoles)},
		{SettingResults, int64(l.Results), int64(lowest.Results), int64(highest.Results)},
		{SettingFilterIDs, int64(l.FilterIDs), int64(lowest.FilterIDs), int64(highest.FilterIDs)},
	} {
		if c.value < c.least || c.value > c.most {
			return Errorf(CodeSettingInvalid, "%s is %d; it can be %d to %d", c.setting, c.value, c.least, c.most)
		}
	}
	return nil
}

// Exceeded is the error of a limit that was passed. The sentence says by what;
// setting and value are added to it, and kept for other languages.
func Exceeded(setting string, value int64, format string, args ...any) *Error {
	limit := PassedLimit{setting, value}
	e := Errorf(CodeLimitExceeded, "%s; %s", Say(format, args...), limit.phrase())
	e.Limit = &limit
	return e
}

// PassedLimit is the limit of an error with CodeLimitExceeded.
type PassedLimit struct {
	Setting string // ROLEGATE_MAX_…
	Value   int64
}

func (p PassedLimit) String() string { return p.phrase().Text }

func (p PassedLimit) phrase() Phrase { return Say("%s is %d", p.Setting, p.Value) }
