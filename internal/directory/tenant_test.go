package directory

import (
	"testing"

	"rolegate/model"
)

// A name no tenant can have is no question to the database, which would refuse it.
func TestTenantNames(t *testing.T) {
	for _, name := range []string{"", "A", "a/b", "a\x00", "a\xff", "-a", "租户", "*"} {
		if _, err := (&Service{}).Tenant(t.Context(), name); model.CodeOf(err) != model.CodeTenantUnknown {
			t.Errorf("%q: %v", name, err)
		}
	}
}
