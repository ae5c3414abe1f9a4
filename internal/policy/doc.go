// Package policy says what a tenant's policy means: it reads documents and
// catalogues, and answers questions from an immutable snapshot of one tenant.
// It is the only importer of Casbin.
//
//	policy text ──────Parse──────▶ Document ─┐
//	catalogue text ─ParseCatalog─▶ Catalog  ─┼─NewSnapshot─▶ Snapshot ──Decide──▶ model.Decision
//	people ──────────────▶ model.Directory  ─┘                  │
//	                                                            └─ engine: the passes of crm.conf, by the compiled
//	                                                               index; by Casbin's enforcer where it is checked
//
// A decision runs through gates, in this order, and the first that is closed
// names the reason: is the tenant open, is the subject registered and enabled,
// are object and action known, is the object switched on, grants, restrictions,
// fields, the actions this one requires. Assurance is asked last, so that a
// denial for want of a second factor promises that the factor would help.
//
// An explanation (see Explain) asks the same tests of the same rows and does not
// stop at the first that decides; permissions are decisions without a record.
//
// Everything a scope compares is three-valued (see truth): an attribute that
// was not sent is unknown, an unknown grant does not grant and an unknown denial
// denies. So nothing opens by leaving something out.
package policy
