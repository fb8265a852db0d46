package lars

import "testing"

func TestServes(t *testing.T) {
	built := VersionNumber()
	for version, want := range map[int]bool{built: true, built + 1: true, built + 100: false, built + 10000: false, built - 1: false} {
		if serves(version) != want {
			t.Error(version, !want)
		}
	}
}

// A liblars of fewer quantities than the header has.
func TestQuantitiesThatThereAreNot(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	new(StepReport).Append(nil, TrustRatio)
}
