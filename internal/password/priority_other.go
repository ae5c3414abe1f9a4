//go:build !linux

package password

// lowerThread does nothing: elsewhere a priority is the whole process's, and
// cannot be raised again.
func lowerThread() {}
