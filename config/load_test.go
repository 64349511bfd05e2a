package config

import (
	"os"
	"testing"
)

func TestShippedLoads(t *testing.T) {
	c, err := Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(c.Warnings())
	for _, s := range c.Sequences() {
		t.Logf("%+v", s)
	}
}
