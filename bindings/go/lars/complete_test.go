package lars_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// needRepository skips a test of what a module by itself does not have: it has been taken out of liblars's repository.
// There, what is missing is a failure.
func needRepository(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "..", "..", "include")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the module is not in liblars's repository")
	}
}

// TestEveryCallIsBound looks for what lars.h declares and the binding does not use.
func TestEveryCallIsBound(t *testing.T) {
	needRepository(t)
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
