// Package requirements holds the requirements on the log (R1 to R25) against the
// service, one test each: TestRequirement/R5 is the fifth. docs/compliance.md says
// which law or standard asks for which.
//
//	go test ./internal/requirements -run TestRequirement/R5
package requirements
