package review

import (
	"maps"
	"slices"
	"strings"

	"rolegate/internal/policy"
	"rolegate/model"
)

// maxScanned bounds the subjects whose roles are looked at to find those who
// stand for others.
const maxScanned = 20_000

// Roster makes samples of who is registered: up to so many subjects, each with
// each object and action that means something under either view, about no record
// in particular, and about each of the records given with the actions on its
// object. Somebody of each set of roles comes first, since who has the same roles
// is mostly answered the same; the rest are spread evenly over all. Where that is
// more than MaxSamples, it takes fewer subjects, and then fewer records.
//
// Inputs are the same for all, but for the registered record. Without an assurance
// in them, what asks for proof says so.
func Roster(before, after *policy.View, records []model.Resource, subjects int, in policy.Inputs) Samples {
	words := before.Words()
	for object, actions := range after.Words() {
		words[object] = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(words[object]), actions...))))
	}
	pairs := 0
	for _, actions := range words {
		pairs += len(actions)
	}
	all := before.Subjects()
	n := min(subjects, len(all), max(1, MaxSamples/2/max(1, pairs)))
	room := MaxSamples - n*pairs
	looked := 0
	for _, r := range records {
		if room -= n * len(words[r.Type]); room < 0 {
			break
		}
		looked++
	}
	var left []model.Unseen
	if n < len(all) {
		left = append(left, model.Unseen{What: model.UnseenSubjects, Of: len(all), Looked: n})
	}
	if looked < len(records) {
		left = append(left, model.Unseen{What: model.UnseenRecords, Of: len(records), Looked: looked})
	}
	return Samples{Left: left, Each: func(yield func(Sample, error) bool) {
		for _, subject := range representative(before, all, n, in) {
			for q := range questions(subject, words, records[:looked]) {
				s := Sample{q.Question, in}
				s.Inputs.Stored = q.stored
				if !yield(s, nil) {
					return
				}
			}
		}
	}}
}

type question struct {
	model.Question
	stored *model.Resource
}

// questions are those about one subject.
func questions(subject model.Entity, words map[string][]string, records []model.Resource) func(func(question) bool) {
	objects := slices.Sorted(maps.Keys(words))
	return func(yield func(question) bool) {
		about := func(object, id string, stored *model.Resource) bool {
			for _, action := range words[object] {
				q := model.Question{Subject: subject, Action: model.Action{Name: action}, Resource: model.Entity{Type: object, ID: id}}
				if !yield(question{q, stored}) {
					return false
				}
			}
			return true
		}
		for _, object := range objects {
			if object != everything && !about(object, model.AnyRecord, nil) {
				return
			}
		}
		for i := range records {
			if !about(records[i].Type, records[i].ID, &records[i]) {
				return
			}
		}
	}
}

// representative chooses n of all subjects: those with roles nobody before them
// has, and then some spread evenly.
func representative(view *policy.View, all []model.Entity, n int, in policy.Inputs) []model.Entity {
	met, taken := map[string]bool{}, map[int]bool{}
	var chosen []model.Entity
	take := func(i int) {
		if !taken[i] && len(chosen) < n {
			taken[i] = true
			chosen = append(chosen, all[i])
		}
	}
	for _, i := range spread(len(all), maxScanned) {
		key := all[i].Type + ":" + all[i].ID
		if roles := strings.Join(view.RolesOf(key, in.Now), ","); !met[roles] {
			met[roles] = true
			take(i)
		}
	}
	for _, i := range spread(len(all), n) {
		take(i)
	}
	for i := 0; len(chosen) < n; i++ {
		take(i)
	}
	return chosen
}

// spread gives up to n places of so many, evenly.
func spread(of, n int) []int {
	n = min(n, of)
	places := make([]int, n)
	for i := range places {
		places[i] = i * of / n
	}
	return places
}
