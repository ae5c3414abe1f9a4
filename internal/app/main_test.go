package app_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Every service a test starts must end without leaving a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
