package review

import (
	"context"
	"iter"

	"rolegate/internal/policy"
	"rolegate/model"
)

// Sample is a request to be decided under both documents. What Inputs say of
// proofs, time and the registered record holds for both.
type Sample struct {
	Question model.Question
	Inputs   policy.Inputs
}

// Samples are requests worth comparing, and what they leave out.
type Samples struct {
	Each iter.Seq2[Sample, error] // an error ends the simulation
	Left []model.Unseen           // read once Each has ended
}

// Bounds of a simulation.
const (
	MaxSamples = 200_000 // decided; more are not looked at, and Left says so
	MaxShifts  = 1_000   // listed
)

// Simulate decides each sample under both views and gathers who gains and who
// loses what. It stops with the context's error when that ends.
func Simulate(ctx context.Context, before, after *policy.View, samples Samples) (model.Simulated, error) {
	panic("not written yet")
}

// Roster makes samples of who is registered: each of up to subjects subjects,
// spread evenly over all, with each object and action that either view has
// words for, about no record in particular, and about the records given (an
// object's own ones only). The subjects have proven nothing, so that what asks
// for proof says so.
func Roster(before, after *policy.View, records []model.Resource, subjects int, in policy.Inputs) Samples {
	panic("not written yet")
}
