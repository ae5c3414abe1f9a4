package sink

import (
	"testing"

	"go.uber.org/goleak"
)

// A sink that has ended leaves no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
