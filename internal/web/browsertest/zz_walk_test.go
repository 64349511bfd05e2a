package browsertest

import (
	"os"
	"strings"
	"testing"
)

func TestZZWalk(t *testing.T) {
	base, pw := os.Getenv("WALK_URL"), os.Getenv("WALK_PW")
	if base == "" {
		t.Skip("no url")
	}
	c := startChrome(t)
	for _, line := range strings.Split(strings.TrimSpace(os.Getenv("WALK")), ";") {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		// role path name [WxH] [js...]
		w, h := 1366, 768
		dark := false
		rest := f[3:]
		for _, x := range rest {
			if x == "tablet" {
				w, h = 820, 1180
			}
			if x == "dark" {
				dark = true
			}
		}
		p := c.open(t, base, w, h)
		if dark {
			p.scheme("dark")
		}
		p.visit("/login")
		p.fill("input[name=name]", f[0])
		p.fill("input[name=password]", pw)
		p.leads(func() { p.click("form button") })
		p.visit(f[1])
		for _, x := range rest {
			if k, ok := strings.CutPrefix(x, "key:"); ok {
				p.press(k)
			}
			if k, ok := strings.CutPrefix(x, "first:"); ok {
				var href string
				_ = p.eval("document.querySelector('"+k+"')?.getAttribute('href')||document.querySelector('"+k+"')?.dataset.href", &href)
				p.visit(href)
			}
		}
		p.eval("new Promise(r=>setTimeout(r,900))", nil)
		p.shoot(f[2], true)
	}
}
