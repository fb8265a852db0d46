package lars_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCallIsBound looks for what lars.h declares and the binding does not use.
func TestEveryCallIsBound(t *testing.T) {
	header, err := os.ReadFile(filepath.Join("..", "..", "..", "include", "lars", "lars.h"))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(content)
	}
	used := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(sources.String(), -1) {
		used[word] = true
	}
	unneeded := regexp.MustCompile(`^LARS_(OK|LARS_H|API|NOEXCEPT|VERSION_\w+|MAX_\w+)$`)
	declarations := regexp.MustCompile(`(?m)^LARS_API [^(]*\b(lars_\w+)\(|^#define (LARS_\w+)`)
	declared := declarations.FindAllStringSubmatch(string(header), -1)
	if len(declared) < 100 {
		t.Fatalf("lars.h declares only %d names", len(declared))
	}
	for _, names := range declared {
		name := names[1] + names[2]
		if !unneeded.MatchString(name) && !used[name] {
			t.Errorf("nothing uses %s", name)
		}
	}
}
