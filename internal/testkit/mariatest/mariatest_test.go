package mariatest_test

import (
	"testing"

	"rolegate/internal/testkit/mariatest"
)

func TestDatabasesAreApart(t *testing.T) {
	for range 2 {
		if _, err := mariatest.Open(t).ExecContext(t.Context(), `CREATE TABLE same_name (id TEXT)`); err != nil {
			t.Error(err)
		}
	}
}
