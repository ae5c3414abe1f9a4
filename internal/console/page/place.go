package page

import "rolegate/internal/token"

// A list begins where an address says that it goes on, as the API has it: sealed, for
// that may be behind somebody whom the reader may not see.

// Next seals the place behind which a list goes on, for an address.
func (v *Visit) Next(list, after string) (string, error) {
	p, err := v.places(list)
	if err != nil {
		return "", err
	}
	return p.Seal([]byte(after)), nil
}

// After is the place that the address has; "", the beginning, where it has none that
// opens: it may be an old one, or somebody else's.
func (v *Visit) After(list string) string {
	p, err := v.places(list)
	if err != nil {
		return ""
	}
	plain, _ := p.Open(v.R.URL.Query().Get("after"))
	return string(plain)
}

func (v *Visit) places(list string) (token.Places, error) {
	c := v.Session.Caller
	return token.NewPlaces(v.area.PageKey, []byte(c.Tenant), []byte(c.ID), []byte("page\x00"+list))
}
