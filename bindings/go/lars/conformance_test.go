package lars_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/liblars/liblars/bindings/go/lars"
)

// casesPath is of what every binding replays; tests/conformance/README.md has its format.
func casesPath() string {
	if path := os.Getenv("LARS_CASES"); path != "" {
		return path
	}
	return filepath.Join("..", "..", "..", "tests", "conformance", "cases.json")
}

type conformanceCase struct {
	Name   string
	Arrays map[string]struct{ Dtype, Bytes string }
	Calls  []call
}

// A call has its name, its arguments and what must come of it.
type call map[string]any

func (c call) text(name string) string { return c[name].(string) }

func (c call) integer(name string) int {
	value, err := c[name].(json.Number).Int64()
	if err != nil {
		panic(err)
	}
	return int(value)
}

func (c call) steps(name string) uint64 { return uint64(c.integer(name)) }

func (c call) number(name string) float64 { return numberOf(c[name]) }

func (c call) list(name string) []any { return c[name].([]any) }

func (c call) has(name string) bool { _, ok := c[name]; return ok }

// selector is All where the case has none.
func (c call) selector() string {
	if c.has("selector") {
		return c.text("selector")
	}
	return lars.All
}

func readCases(t *testing.T) []conformanceCase {
	t.Helper()
	if os.Getenv("LARS_CASES") == "" {
		needRepository(t)
	}
	content, err := os.ReadFile(casesPath())
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format int
		Cases  []conformanceCase
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.Format != 1 || len(file.Cases) == 0 {
		t.Fatalf("format %d, %d cases", file.Format, len(file.Cases))
	}
	return file.Cases
}

func TestConformance(t *testing.T) {
	for _, kernels := range []string{"reference", "auto"} {
		t.Run(kernels, func(t *testing.T) {
			t.Setenv("LARS_KERNELS", kernels)
			if used, err := newOptimizer(t).Kernels(); err != nil || (used == "reference") != (kernels == "reference") {
				t.Error(used, err)
			}
			for _, one := range readCases(t) {
				t.Run(one.Name, func(t *testing.T) { replay(t, one) })
			}
		})
	}
}

func replay(t *testing.T, one conformanceCase) {
	p := newPlayer(t, one)
	for i, c := range one.Calls {
		expected := call{}
		for _, part := range []string{"returns", "error", "arrays"} {
			if c.has(part) {
				expected[part] = c[part]
			}
		}
		if got, want := jsonOf(t, p.play(c)), jsonOf(t, expected); got != want {
			t.Errorf("call %d, %s:\n got %s\nwant %s", i, jsonOf(t, c), got, want)
		}
	}
}

// jsonOf is the same text for the same value, of whichever types.
func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A player plays one case: an optimizer, its arrays and checkpoints.
type player struct {
	t           *testing.T
	optimizer   *lars.Optimizer
	arrays      map[string]array
	checkpoints map[string][]byte
	reports     []any
}

type array struct {
	tensor lars.Tensor
	bytes  []byte // the same memory
}

func newPlayer(t *testing.T, one conformanceCase) *player {
	p := &player{t: t, arrays: map[string]array{}, checkpoints: map[string][]byte{}, reports: []any{}}
	for name, content := range one.Arrays {
		p.arrays[name] = arrayOf(t, content.Dtype, content.Bytes)
	}
	t.Cleanup(func() { p.optimizer.Close() })
	p.startAgain()
	return p
}

func (p *player) startAgain() {
	if p.optimizer != nil {
		p.optimizer.Close()
	}
	optimizer, err := lars.New()
	if err != nil {
		p.t.Fatal(err)
	}
	p.optimizer = optimizer
}

func arrayOf(t *testing.T, dtype, digits string) array {
	t.Helper()
	content, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	switch dtype {
	case "float16":
		return newArray[lars.Float16](content)
	case "bfloat16":
		return newArray[lars.BFloat16](content)
	case "float32":
		return newArray[float32](content)
	case "float64":
		return newArray[float64](content)
	case "int16":
		return newArray[int16](content)
	}
	t.Fatalf("no type is called %q", dtype)
	return array{}
}

func newArray[T lars.Element](content []byte) array {
	elements := make([]T, len(content)/int(unsafe.Sizeof(T(0))))
	memory := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(elements))), len(content))
	copy(memory, content)
	return array{lars.Of(elements), memory}
}

// play is what comes of a call: what it returns, or its error, and the arrays that it changed.
func (p *player) play(c call) call {
	before := map[string]string{}
	for name, array := range p.arrays {
		before[name] = string(array.bytes)
	}
	outcome := p.outcome(c)
	changed := map[string]string{}
	for name, array := range p.arrays {
		if string(array.bytes) != before[name] {
			changed[name] = hex.EncodeToString(array.bytes)
		}
	}
	if len(changed) > 0 {
		outcome["arrays"] = changed
	}
	return outcome
}

// errTold is what a function panics with that a case tells to fail.
var errTold = errors.New("told to fail")

func (p *player) outcome(c call) (outcome call) {
	defer func() {
		if value := recover(); value == errTold {
			outcome = call{"error": call{"status": lars.ErrCallback.Error()}}
		} else if value != nil {
			panic(value)
		}
	}()
	returned, err := p.do(c)
	var failure *lars.Error
	switch {
	case errors.As(err, &failure):
		return call{"error": call{"status": failure.Status.Error(), "message": failure.Message}}
	case err != nil:
		p.t.Fatalf("%v: %v", c, err)
	case returned != nil:
		return call{"returns": returned}
	}
	return call{}
}

func (p *player) do(c call) (any, error) {
	for _, calls := range []map[string]func(*player, call) (any, error){settingCalls, stepCalls, otherCalls} {
		if do, ok := calls[c.text("call")]; ok {
			return do(p, c)
		}
	}
	return nil, fmt.Errorf("there is no call %q", c.text("call"))
}

func (p *player) tensor(c call, role string) lars.Tensor { return p.arrays[c.text(role)].tensor }

// tensors are those of a role, none if the call does not have it.
func (p *player) tensors(c call, role string) []lars.Tensor {
	if !c.has(role) {
		return nil
	}
	tensors := []lars.Tensor{}
	for _, name := range c.list(role) {
		tensors = append(tensors, p.arrays[name.(string)].tensor)
	}
	return tensors
}

func bitsOf(value float64) string { return fmt.Sprintf("%016x", math.Float64bits(value)) }

func bitsOfAll(values []float64) []string {
	all := []string{}
	for _, value := range values {
		all = append(all, bitsOf(value))
	}
	return all
}

// TestConformanceIsComplete tells of calls that no case makes.
func TestConformanceIsComplete(t *testing.T) {
	missing := map[string]bool{}
	for _, calls := range []map[string]func(*player, call) (any, error){settingCalls, stepCalls, otherCalls} {
		for name := range calls {
			missing[name] = true
		}
	}
	for _, one := range readCases(t) {
		for _, c := range one.Calls {
			delete(missing, c.text("call"))
		}
	}
	if len(missing) > 0 {
		var names []string
		for name := range maps.Keys(missing) {
			names = append(names, name)
		}
		t.Errorf("no case has %s", strings.Join(names, ", "))
	}
}
