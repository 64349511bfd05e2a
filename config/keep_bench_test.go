package config

import "testing"

// BenchmarkLoad is what a process pays for a configuration that it has not seen yet.
func BenchmarkLoad(b *testing.B) {
	files, err := readFiles(shipped)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := load(files); err != nil {
			b.Fatal(err)
		}
	}
}
