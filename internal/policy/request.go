package policy

import "rolegate/model"

// Request is one evaluation as the API hands it over.
type Request struct {
	Question    model.Question
	AccessToken *string // context.access_token as sent; nil when it was not
	MinRevision int64   // context.min_revision: an older answer is CodeRevisionBehind
	Invalid     string  // batch items only: why the item is no question at all; the answer is a denial saying so
}

// Semantic is how a batch is answered: AuthZEN section 7.1.2.
type Semantic string

const (
	ExecuteAll          Semantic = "execute_all"
	DenyOnFirstDeny     Semantic = "deny_on_first_deny"
	PermitOnFirstPermit Semantic = "permit_on_first_permit"
)
