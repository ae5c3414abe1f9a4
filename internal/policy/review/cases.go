package review

import (
	"time"

	"rolegate/internal/policy"
	"rolegate/model"
)

// MaxCases is the size limit of the text of cases, in bytes.
const MaxCases = 1 << 20

// Cases are the questions whose answers a policy's authors expect of it. They
// are kept beside the document, as YAML. The zero value has none.
type Cases struct {
	Text string // they were read from
	list []kase
}

// kase is one case.
type kase struct{}

// Len is how many there are.
func (c Cases) Len() int { return len(c.list) }

// ParseCases reads cases. They are accepted whole or refused whole: the error is
// a *model.Error of CodeCasesInvalid whose Details list every mistake with its
// line; or CodeLimitExceeded.
func ParseCases(text string) (Cases, error) { panic("not written yet") }

// Run asks each case of a view, at a moment, in their order. Only what a case
// says is known of its record: nothing registered is looked up.
func (c Cases) Run(view *policy.View, now time.Time) []model.CaseResult { panic("not written yet") }
