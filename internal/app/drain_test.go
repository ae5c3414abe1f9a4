package app_test

import (
	"net/http"
	"testing"
	"time"

	"rolegate/internal/testkit"
)

// A stop is announced before it begins, and questions are answered meanwhile.
func TestStopIsAnnounced(t *testing.T) {
	k := testkit.New(t, "ROLEGATE_DRAIN=3s")
	client := k.ClientToken("crm")
	if status := readiness(t, k); status != 200 {
		t.Fatalf("before: %d", status)
	}
	stopped := make(chan struct{})
	go func() { k.Stop(); close(stopped) }()
	for deadline := time.Now().Add(10 * time.Second); readiness(t, k) != http.StatusServiceUnavailable; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody is told")
		}
	}
	k.Evaluate(client, "stranger", "read", "contact", nil)
	select {
	case <-stopped:
		t.Error("it stopped while it was only announced")
	default:
	}
	<-stopped
}

func readiness(t *testing.T, k *testkit.Kit) int {
	t.Helper()
	res, err := http.Get(k.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
