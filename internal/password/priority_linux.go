package password

import "syscall"

// lowerThread gives the calling thread, and what is started from it, the lowest
// priority there is (nice 19).
func lowerThread() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19) }
