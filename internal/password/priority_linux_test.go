package password

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestProcessesHaveTheShortestTurns(t *testing.T) {
	ours, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Runtime == 0 {
		t.Log("this kernel gives every thread turns of its own choice (before 6.12)")
		return
	}
	h, started := withProcesses(t, 1)
	mustHash(t, h, "secret")
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", started()[0].Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(tid, 0)
		if err != nil || attr.Runtime != uint64(shortest) || attr.Nice != lowest {
			t.Errorf("thread %d has turns of %d ns and nice %d, %v", tid, attr.Runtime, attr.Nice, err)
		}
	}
	if again, err := unix.SchedGetAttr(0, 0); err != nil || again.Runtime != ours.Runtime {
		t.Errorf("our own turns are %+v now, %v", again, err)
	}
}
