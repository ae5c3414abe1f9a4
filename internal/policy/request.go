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

// Malformed is a member that keeps a question from being one.
type Malformed struct {
	Member string // its place in the question: action.properties.fields
	Want   Want   // what it has to be
	Limit  int    // of WantFewerFields: field names at most
}

// Want says what a member has to be.
type Want uint8

const (
	WantFieldNames   Want = iota + 1 // a list of field names
	WantFewerFields                  // no more than Limit field names in all lists together
	WantObject                       // an object
	WantBool                         // true or false
	WantOneName                      // one name: "*" would match rows by their wildcards
	WantNoProperties                 // "*" is no record's id, so with properties it asks about nothing
)

// CheckQuestion finds the first member of a question that cannot be answered as
// sent, or nil. What is missing is none of its business: searches lack a part.
func CheckQuestion(q *model.Question) *Malformed {
	if bad := checkWords(q); bad != nil {
		return bad
	}
	_, bad := readFieldAsk(q.Action.Properties)
	return bad
}

// checkWords is CheckQuestion but for action.properties.
func checkWords(q *model.Question) *Malformed {
	switch {
	case q.Action.Name == everything:
		return &Malformed{Member: "action.name", Want: WantOneName}
	case q.Resource.Type == everything:
		return &Malformed{Member: "resource.type", Want: WantOneName}
	case q.Resource.ID == model.AnyRecord && len(q.Resource.Properties) > 0:
		return &Malformed{Member: "resource", Want: WantNoProperties}
	}
	return nil
}
