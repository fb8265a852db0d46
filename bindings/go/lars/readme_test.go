package lars_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// block is the text of README.md between the first line that is fence, after the line that is after, and ```.
func block(t *testing.T, after, fence string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(content), after+"\n")
	_, rest, foundFence := strings.Cut(rest, fence+"\n")
	text, _, foundEnd := strings.Cut(rest, "```\n")
	if !found || !foundFence || !foundEnd {
		t.Fatalf("README.md has no block %s after %q", fence, after)
	}
	return text
}

// The README's first program is the package's example.
func TestReadmeShowsTheExample(t *testing.T) {
	content, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	program, output, _ := strings.Cut(string(content), "\t// Output:\n")
	program = strings.Replace(program, "package lars_test", "package main", 1)
	program = strings.Replace(program, "func Example()", "func main()", 1) + "}\n"
	if shown := block(t, "## A first program", "```go"); shown != program {
		t.Errorf("README.md shows another program than example_test.go:\n%s", shown)
	}
	output = strings.TrimSuffix(strings.ReplaceAll(output, "\t// ", ""), "}\n")
	if shown := block(t, "It prints", "```"); shown != output {
		t.Errorf("README.md shows other output than example_test.go:\n%s", shown)
	}
}
