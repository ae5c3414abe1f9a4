// Package interop has nothing but tests, in a module of its own: programs that are
// not ours verify the log of a running Rolegate over HTTP.
package interop
