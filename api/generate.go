// Package api is the contract on the wire: openapi.yaml, and the types and the
// plain client generated from it. It imports nothing else of this module, so a
// CRM backend can use it alone.
package api

import _ "embed"

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Spec is openapi.yaml.
//
//go:embed openapi.yaml
var Spec []byte
