package totp

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drifting is a device whose codes of all steps around now differ, so that what
// a code means is never a coincidence.
var drifting = Default([]byte("rolegate-rolegate-12"))

func TestWindow(t *testing.T) {
	present := Step(now, 30)
	for _, c := range []struct {
		w     Window
		drift int64
		want  []int64
	}{
		{Lenient, 0, []int64{-1, 0, 1}},
		{Lenient, -1, []int64{-2, -1, 0}},
		{Lenient, -2, []int64{-3, -2, -1, 0}}, // 0: the phone may have been set right
		{Lenient, 2, []int64{0, 1, 2, 3}},
		{Lenient, 100, []int64{0, 1, 2, 3}}, // a row that nobody of ours wrote
		{Strict, 0, []int64{-1, 0}},
		{Strict, 2, []int64{-1, 0}},
	} {
		var got []int64
		for s := int64(-6); s <= 6; s++ {
			code := codeAt(t, drifting, int(s))
			step, ok, err := Match(drifting, code, now, State{Drift: c.drift}, c.w)
			if err != nil {
				t.Fatal(err)
			}
			if ok && step == present+s {
				got = append(got, s)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%v, drift %d: steps %v, want %v", c.w, c.drift, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v, drift %d: steps %v, want %v", c.w, c.drift, got, c.want)
			}
		}
	}
}

func TestLearn(t *testing.T) {
	present := Step(now, 30)
	for off, want := range map[int64]int64{-3: -2, -2: -2, -1: -1, 0: 0, 1: 1, 3: 2} {
		if got := Lenient.Learn(drifting, present+off, now); got != want {
			t.Errorf("a code of step %+d teaches %d, want %d", off, got, want)
		}
		if got := Strict.Learn(drifting, present+off, now); got != 0 {
			t.Errorf("strict: a code of step %+d teaches %d", off, got)
		}
	}
}

func TestOff(t *testing.T) {
	present := Step(now, 30) // now is in the middle of its step
	for _, c := range []struct {
		skew int
		st   State
		ok   bool
	}{
		{-2, State{}, true}, {2, State{}, true}, {-20, State{}, true}, {20, State{}, true},
		{-21, State{}, false}, {21, State{}, false}, // further than ten minutes
		{0, State{}, false}, {1, State{}, false}, {-1, State{}, false}, // is right
		{-3, State{LastStep: present - 3}, false}, // was used
		{-4, State{LastStep: present - 3}, false}, // is older than one that was used
		{5, State{Told: present + 5}, false},      // was told before
		{-2, State{Drift: -2}, false},             // is right by what was learned
		{2, State{Drift: -2}, true},
	} {
		off, step, ok, err := Off(drifting, codeAt(t, drifting, c.skew), now, c.st, Lenient)
		if err != nil || ok != c.ok {
			t.Errorf("step %+d, %+v: %v, %v; want %v", c.skew, c.st, ok, err, c.ok)
		}
		if ok && (off != time.Duration(c.skew)*30*time.Second || step != present+int64(c.skew)) {
			t.Errorf("step %+d: off %v, step %d", c.skew, off, step)
		}
	}
	if _, _, ok, err := Off(Device{}, "000000", now, State{}, Lenient); ok || err == nil {
		t.Errorf("no device: %v, %v", ok, err)
	}
}

func TestToldStepIsRefused(t *testing.T) {
	code := codeAt(t, drifting, 0)
	if _, ok, err := Match(drifting, code, now, State{Told: Step(now, 30)}, Lenient); ok || err != nil {
		t.Errorf("a step that was told: %v, %v", ok, err)
	}
}

// However a phone's clock jumps and codes are mixed up: a step is never accepted twice or
// after a newer one, a told one never, what is accepted is within reach, and
// what is learned stays within two steps.
func TestDriftNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Default(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "secret"))
		w := Window(rapid.Bool().Draw(t, "lenient"))
		opts, _ := d.options()
		at := now
		st := State{}
		told := map[int64]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "tries") {
			at = at.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "passed")) * time.Second)
			shown := Step(at, 30) + rapid.Int64Range(-8, 8).Draw(t, "clock")
			code := generate(t, d, opts, shown)
			step, ok, err := Match(d, code, at, st, w)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				if _, step, ok, _ := Off(d, code, at, st, w); ok && step > Step(at, 30) && st.Told < Oldest(at, 30) {
					st.Told, told[step] = step, true
				}
				continue
			}
			if step <= st.LastStep {
				t.Fatalf("step %d is accepted after %d", step, st.LastStep)
			}
			if told[step] {
				t.Fatalf("step %d is accepted after somebody was told of it", step)
			}
			if off := step - Step(at, 30); off < -reach || off > reach {
				t.Fatalf("step %+d is accepted", off)
			}
			if _, again, _ := Match(d, code, at, State{LastStep: step, Drift: st.Drift}, w); again {
				t.Fatal("the code is accepted again")
			}
			st.LastStep, st.Drift = step, w.Learn(d, step, at)
			if st.Drift < -maxDrift || st.Drift > maxDrift {
				t.Fatalf("drift %d is learned", st.Drift)
			}
		}
	})
}
