package password

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lowest is the lowest priority there is (nice 19).
const lowest = 19

// shortest is the least that Linux gives a thread at a time, from 6.12 on. Another that
// wakes up, of whatever priority, may have to wait until such a turn is over: one to
// three milliseconds where nothing is said, and a decision wakes threads several times.
const shortest = 100 * time.Microsecond

// lowerThread gives the calling thread, and what is started from it, the lowest
// priority there is, and the shortest turns.
func lowerThread() {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Nice: lowest, Runtime: uint64(shortest)}, 0)
	if err != nil { // what a container forbids, maybe
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowest)
	}
}
