// Package rolegate carries the starter policy, so that one binary is all an
// install needs.
package rolegate

import _ "embed"

// StarterPolicy is policy.csv: loaded into the first tenant when it is empty.
//
//go:embed policy.csv
var StarterPolicy string
