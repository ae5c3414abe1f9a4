// Package checklist holds the service to the security checklist, item by item,
// as somebody outside would: over HTTP, with a database file or a dump in hand.
// It has no code of its own; each test is TestChecklist/<item>, and
// docs/security-checklist.md is what they say.
package checklist
