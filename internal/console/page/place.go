package page

import (
	"rolegate/internal/token"
	"rolegate/model"
)

// A list begins where an address says that it goes on, as the API has it: sealed, for
// that may be behind somebody whom the reader may not see.

// errPlace is what an address gets that goes on with no list as its reader sees it; the
// page says so in the reader's language.
var errPlace = &model.Error{Code: model.CodeInvalidRequest, Message: "the address does not go on with this list"}

// Next seals the place behind which a list goes on, for an address.
func (v *Visit) Next(list, after string) (string, error) {
	p, err := v.places(list)
	if err != nil {
		return "", err
	}
	return p.Seal([]byte(after)), nil
}

// After is the place that the address has; "", the beginning, where it has none. One
// that was made up, altered, or is of another list or reader is refused.
func (v *Visit) After(list string) (string, error) {
	sealed := v.R.URL.Query().Get("after")
	if sealed == "" {
		return "", nil
	}
	p, err := v.places(list)
	if err != nil {
		return "", err
	}
	plain, ok := p.Open(sealed)
	if !ok {
		return "", errPlace
	}
	return string(plain), nil
}

func (v *Visit) places(list string) (token.Places, error) {
	c := v.Session.Caller
	return token.NewPlaces(v.area.PageKey, []byte(c.Tenant), []byte(c.ID), []byte("page\x00"+list))
}
