package requirements

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// requirement is what the log must do, and what shows that it does.
type requirement struct {
	must  string
	check func(t *testing.T)
}

var requirements = map[int]requirement{}

// requires adds one. Files call it from init, beside the check.
func requires(number int, must string, check func(t *testing.T)) {
	if _, twice := requirements[number]; twice {
		panic(fmt.Sprintf("R%d is there twice", number))
	}
	requirements[number] = requirement{must, check}
}

// TestRequirement runs every requirement.
func TestRequirement(t *testing.T) {
	for _, n := range slices.Sorted(maps.Keys(requirements)) {
		t.Run(fmt.Sprint("R", n), func(t *testing.T) {
			t.Log(requirements[n].must)
			requirements[n].check(t)
		})
	}
}
