package browsertest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long anything in the browser may take.
const patience = 90 * time.Second

// chrome is one running browser, spoken to over its debugging pipe.
type chrome struct {
	t    testing.TB
	in   io.Writer
	last atomic.Int64

	mu     sync.Mutex
	calls  map[int64]chan reply
	events map[string]func(method string, params json.RawMessage) // by session
	cause  error
}

type reply struct {
	ID      int64           `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// findChromium looks for the browser that scripts/setup installs.
func findChromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium on the PATH: run scripts/setup (on Debian: apt-get install chromium)")
	return ""
}

// startChrome starts a browser of its own, which ends with the test.
func startChrome(t testing.TB) *chrome {
	t.Helper()
	path := findChromium(t)
	dir, err := os.MkdirTemp("", "duly-chromium")
	if err != nil {
		t.Fatal(err)
	}
	toR, toW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromR, fromW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--user-data-dir="+dir, "about:blank")
	cmd.ExtraFiles = []*os.File{toR, fromW} // 3: commands, 4: answers
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	_, _ = toR.Close(), fromW.Close()
	c := &chrome{t: t, in: toW, calls: map[int64]chan reply{}, events: map[string]func(string, json.RawMessage){}}
	go c.read(fromR)
	t.Cleanup(func() {
		_ = toW.Close() // the browser ends when nobody commands it
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		_ = os.RemoveAll(dir)
	})
	return c
}

func (c *chrome) read(from io.Reader) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			c.end(err)
			return
		}
		var m reply
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		if m.ID != 0 {
			if ch := c.calls[m.ID]; ch != nil {
				delete(c.calls, m.ID)
				ch <- m
			}
		} else if f := c.events[m.Session]; f != nil {
			f(m.Method, m.Params)
		}
		c.mu.Unlock()
	}
}

func (c *chrome) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cause = err
	for id, ch := range c.calls {
		delete(c.calls, id)
		close(ch)
	}
}

// call sends a command and waits for its answer.
func (c *chrome) call(session, method string, params, result any) error {
	id := c.last.Add(1)
	ch := make(chan reply, 1)
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return fmt.Errorf("the browser has ended: %w", c.cause)
	}
	c.calls[id] = ch
	msg := map[string]any{"id": id, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if session != "" {
		msg["sessionId"] = session
	}
	b, err := json.Marshal(msg)
	if err == nil {
		_, err = c.in.Write(append(b, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case m, ok := <-ch:
		switch {
		case !ok:
			return fmt.Errorf("%s: the browser has ended", method)
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer within %s", method, patience)
	}
}

// tab is a page in a browser context of its own: own cookies.
type tab struct {
	*chrome
	t       testing.TB
	session string
	context string // the browser context, with cookies of its own
	base    string

	mu     sync.Mutex
	faults []string
}

// open makes a tab that may load pages of base only.
func (c *chrome) open(t testing.TB, base string, width, height int) *tab {
	t.Helper()
	var ctx struct {
		ID string `json:"browserContextId"`
	}
	var target struct {
		ID string `json:"targetId"`
	}
	var at struct {
		ID string `json:"sessionId"`
	}
	p := &tab{chrome: c, t: t, base: base}
	p.must(c.call("", "Target.createBrowserContext", nil, &ctx))
	p.must(c.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": ctx.ID, "width": width, "height": height}, &target))
	p.must(c.call("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &at))
	p.session, p.context = at.ID, ctx.ID
	c.mu.Lock()
	c.events[p.session] = p.event
	c.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		p.do(domain+".enable", nil, nil)
	}
	p.do("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": patient}, nil)
	p.size(width, height)
	t.Cleanup(func() {
		_ = c.call("", "Target.disposeBrowserContext", map[string]any{"browserContextId": ctx.ID}, nil)
	})
	return p
}

// patient lets ten minutes do for ten seconds: for so long a page offers to undo what was done,
// and a busy machine may need longer to press the key.
const patient = `(() => { const wall = setTimeout; window.setTimeout = (f, ms, ...rest) => wall(f, ms === 10000 ? 600000 : ms, ...rest); })()`

func (p *tab) size(width, height int) {
	p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) do(method string, params, result any) {
	p.t.Helper()
	p.must(p.call(p.session, method, params, result))
}

// event notes what must not be.
func (p *tab) event(method string, raw json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Runtime.exceptionThrown":
		p.faults = append(p.faults, "exception: "+string(raw))
	case "Runtime.consoleAPICalled":
		var e struct {
			Type string            `json:"type"`
			Args []json.RawMessage `json:"args"`
		}
		if json.Unmarshal(raw, &e) == nil && (e.Type == "error" || e.Type == "assert") {
			p.faults = append(p.faults, fmt.Sprintf("console.%s: %s", e.Type, e.Args))
		}
	case "Log.entryAdded":
		var e struct {
			Entry struct{ Level, Text, URL, Source string } `json:"entry"`
		}
		if json.Unmarshal(raw, &e) == nil && e.Entry.Level == "error" {
			p.faults = append(p.faults, "log: "+e.Entry.Source+" "+e.Entry.Text+" "+e.Entry.URL)
		}
	case "Network.requestWillBeSent":
		var e struct {
			Request struct{ URL string } `json:"request"`
		}
		if json.Unmarshal(raw, &e) == nil && !p.ours(e.Request.URL) {
			p.faults = append(p.faults, "a request leaves the machine: "+e.Request.URL)
		}
	}
}

func (p *tab) ours(address string) bool {
	return strings.HasPrefix(address, p.base) || strings.HasPrefix(address, "data:") || strings.HasPrefix(address, "about:") || strings.HasPrefix(address, "blob:")
}

// clean fails the test for what was noted since the last call.
func (p *tab) clean(where string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		p.t.Errorf("%s: %s", where, f)
	}
	p.faults = nil
}

// visit opens a path of the console and waits until it has loaded: this very load of it, since
// the page before may have the same address and still be loading.
func (p *tab) visit(path string) {
	p.t.Helper()
	again, load := time.Now(), ""
	q, _ := json.Marshal(p.base + path)
	p.until("the page "+path, func() bool {
		// A page that a key or click was still loading may come in between.
		if !time.Now().Before(again) {
			var to struct{ LoaderID string }
			p.do("Page.navigate", map[string]any{"url": p.base + path}, &to)
			load, again = to.LoaderID, time.Now().Add(patience/3)
		}
		return p.load() == load && p.text("location.href === new URL("+string(q)+").href && document.readyState === 'complete'") == "true"
	})
}

// load names the load of the page that stands; "" while that cannot be told.
func (p *tab) load() string {
	var tree struct {
		FrameTree struct{ Frame struct{ LoaderID string } }
	}
	if p.call(p.session, "Page.getFrameTree", nil, &tree) != nil {
		return ""
	}
	return tree.FrameTree.Frame.LoaderID
}

// leads does something that loads a page, and waits for it: where the next page has the
// address of this one, the address alone tells nothing.
func (p *tab) leads(do func()) {
	p.t.Helper()
	before := p.load()
	do()
	p.until("another page", func() bool {
		now := p.load()
		return now != "" && now != before && p.text("document.readyState") == "complete"
	})
}

// lettered wants the page in the console's own letters before it is measured. They are
// optional: a page for which they came late keeps those of the machine, the next one has them.
func (p *tab) lettered() {
	p.t.Helper()
	p.until("our letters", func() bool {
		p.must(p.eval("document.fonts.ready.then(() => 0)", nil))
		if p.text(ourLetters) == "true" {
			return true
		}
		p.leads(func() { p.do("Page.reload", nil, nil) })
		return false
	})
}

// ourLetters is whether text is as wide as in no font of the machine.
const ourLetters = `(() => { const c = document.createElement("canvas").getContext("2d");
	const wide = (font) => { c.font = font; return c.measureText("Handgloves 0123456789").width; };
	return wide("40px Inter, monospace") !== wide("40px monospace"); })()`

// until polls with a deadline.
func (p *tab) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(15 * time.Millisecond) {
		if ok() {
			return
		}
	}
	p.t.Fatalf("waited in vain for %s; the page is %s", what, p.text("location.href"))
}

// eval runs an expression in the page; promises are awaited.
func (p *tab) eval(expression string, result any) error {
	var out struct {
		Result    struct{ Value json.RawMessage }
		Exception *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	err := p.call(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &out)
	switch {
	case err != nil:
		return err
	case out.Exception != nil:
		return fmt.Errorf("%s %s", out.Exception.Text, out.Exception.Exception.Description)
	case result != nil && len(out.Result.Value) > 0:
		return json.Unmarshal(out.Result.Value, result)
	}
	return nil
}

func (p *tab) text(expression string) string {
	var out string
	if err := p.eval("String("+expression+")", &out); err != nil {
		return ""
	}
	return out
}

// sees waits until the page's text holds words, and all of the page is there.
func (p *tab) sees(words string) {
	p.t.Helper()
	q, _ := json.Marshal(strings.ToLower(words))
	p.until(fmt.Sprintf("%q", words), func() bool {
		return p.text("document.readyState === 'complete' && document.body.innerText.toLowerCase().includes("+string(q)+")") == "true"
	})
}

// at waits until the page's address begins with a path.
func (p *tab) at(path string) {
	p.t.Helper()
	q, _ := json.Marshal(path)
	p.until("address "+path, func() bool {
		return p.text("document.readyState === 'complete' && (location.pathname + location.search).startsWith("+string(q)+")") == "true"
	})
}

// keys that are not letters, as the browser names them.
var named = map[string]struct {
	code int
	text string
}{"Enter": {13, "\r"}, "Escape": {27, ""}, " ": {32, " "}, "Tab": {9, ""}, "ArrowDown": {40, ""}, "ArrowUp": {38, ""}}

// listens waits until the page hears keys and clicks: before that its script may be missing.
func (p *tab) listens() {
	p.t.Helper()
	p.until("the page to listen", func() bool { return p.text("document.readyState") == "complete" })
}

// press presses one key, such as "j", "Enter" or "Ctrl-k".
func (p *tab) press(key string) {
	p.t.Helper()
	p.listens()
	modifiers := 0
	if rest, ok := strings.CutPrefix(key, "Ctrl-"); ok {
		key, modifiers = rest, 2
	}
	e := map[string]any{"type": "keyDown", "key": key, "modifiers": modifiers}
	switch n, ok := named[key]; {
	case ok:
		e["windowsVirtualKeyCode"], e["text"] = n.code, n.text
		if n.text == "" {
			delete(e, "text")
		}
		if key == " " {
			e["code"] = "Space"
		}
	case modifiers == 0:
		e["text"] = key
	}
	if modifiers == 0 && key != strings.ToLower(key) && len(key) == 1 {
		e["modifiers"] = 8
	}
	p.do("Input.dispatchKeyEvent", e, nil)
	up := map[string]any{"type": "keyUp", "key": key}
	p.do("Input.dispatchKeyEvent", up, nil)
}

// goes presses g and a letter. The two count as one for a second and a half of the page's
// clock, which stands meanwhile.
func (p *tab) goes(letter string) {
	p.t.Helper()
	p.listens()
	p.must(p.eval("(() => { const at = Date.now(); Date.now = () => at; })()", nil))
	p.press("g")
	p.press(letter)
}

// types types text into what has the focus.
func (p *tab) types(text string) {
	p.t.Helper()
	p.do("Input.insertText", map[string]any{"text": text}, nil)
}

// fill sets an input by its selector, as a person who replaces what is there.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	q, _ := json.Marshal(selector)
	v, _ := json.Marshal(text)
	p.must(p.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.focus(); e.value = %s;
		e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true})); })()`, q, v), nil))
}

// click clicks what a selector finds, once the page listens: before that a form would go off
// without its question.
func (p *tab) click(selector string) {
	p.t.Helper()
	q, _ := json.Marshal(selector)
	p.until("something to click: "+selector, func() bool {
		return p.text("document.readyState === 'complete' && !!document.querySelector("+string(q)+")") == "true"
	})
	p.must(p.eval("document.querySelector("+string(q)+").click()", nil))
}

// cookie signs a session in.
func (p *tab) cookie(name, value string) {
	p.t.Helper()
	at, err := url.Parse(p.base)
	p.must(err)
	p.do("Network.setCookie", map[string]any{"name": name, "value": value, "domain": at.Hostname(), "path": "/"}, nil)
}

// dark or light, as the system's preference.
func (p *tab) scheme(name string) {
	p.t.Helper()
	p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// shoot writes a picture of the whole page, or of the window, when pictures are wanted.
func (p *tab) shoot(name string, whole bool) {
	p.t.Helper()
	dir := os.Getenv("DULY_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	p.do("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole}, &shot)
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	p.must(err)
	p.must(os.MkdirAll(dir, 0o755))
	p.must(os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600))
}
