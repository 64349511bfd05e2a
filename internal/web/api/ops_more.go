package api

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// withID gives a command the id that it lacks, if it takes one.
func withID(c *Call, name string) (body []byte, id string, err error) {
	return named(c.Body, name, c.ID())
}

// named gives a command an id if it makes something and has none.
func named(given []byte, name, fresh string) (body []byte, id string, err error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(given, &m); err != nil {
		return nil, "", invalid(Fault{Detail: "must be an object"})
	}
	if raw, ok := m["id"]; ok {
		_ = json.Unmarshal(raw, &id) // the schema has seen to it
	}
	if id != "" || !slices.Contains(making, name) {
		return given, id, nil
	}
	m["id"], _ = json.Marshal(fresh)
	body, err = json.Marshal(m)
	return body, fresh, err
}

// inner is a member of a body as it was written.
func inner(body []byte, name string) ([]byte, error) {
	var m map[string]json.RawMessage
	err := json.Unmarshal(body, &m)
	return m[name], err
}

// checkerOf holds bodies against the schema of a command.
func checkerOf(name string) (*checker, error) {
	zero, err := dunning.DecodeCommand(name, []byte("{}"))
	if err != nil {
		return nil, err
	}
	return newChecker(schemaOf(reflect.TypeOf(zero), optionalOf...))
}

// optionalOf are the members of commands that may be left out though their types have them.
var optionalOf = []string{"id", "grace"}

// making are the commands whose id names what they make. Those of others name something
// that is there.
var making = []string{
	"record_payment", "place_hold", "raise_dispute", "make_promise", "agree_plan", "take_lease", "log_contact", "write_note", "send_message",
	"give_consent", "state_times", "state_wish", "record_notice", "receive_notice",
	"hand_over", "set_callback", "offer_settlement", "migrate",
}

// --- imports ---------------------------------------------------------------------------

// ImportRows are rows in place of a file: one object a row, by the names of the mapping's
// columns.
type ImportRows struct {
	Rows []map[string]string `json:"rows" jsonschema:"minItems=1,maxItems=5000"`
}

// importKinds are what can be imported.
var importKinds = []string{"items", "payments", "contacts", "history", "consents"}

func (h handlers) intake() []Operation {
	query := []Param{
		{Name: "creditor", Type: "string", Description: "whose they are; needed unless the key is of one creditor"},
		{Name: "mapping", Type: "string", Description: "name of a mapping of the configuration; default: the kind's own"},
		{Name: "dry_run", Type: "boolean", Description: "check everything, store nothing"},
	}
	var out []Operation
	for _, kind := range importKinds {
		out = append(out, Operation{
			Method: "POST", Path: "/imports/" + kind, ID: "import_" + kind, Tag: "imports", Need: identity.Import, Query: query, Result: ImportResult{}, Repeats: true,
			Summary: "Take in " + kind + ": rows as JSON", Body: ImportRows{}, MaxBody: 8 << 20,
			Handle: func(c *Call) (any, error) { return h.importRows(c, kind) },
		}, Operation{
			Method: "POST", Path: "/imports/" + kind + "/file", ID: "import_" + kind + "_file", Tag: "imports", Need: identity.Import, Query: query, Result: ImportResult{}, Repeats: true,
			Summary: "Take in " + kind + ": a file in any usual encoding, as docs/import.md has it", Raw: "text/csv", MaxBody: 256 << 20,
			Handle: func(c *Call) (any, error) { return h.importFile(c, kind) },
		})
	}
	return append(out,
		Operation{Method: "GET", Path: "/imports", ID: "listImports", Tag: "imports", Summary: "Runs of imports, the newest first", Need: identity.Import, Query: paging, Result: read.List[read.ImportRow]{}, Handle: h.imports},
		Operation{Method: "GET", Path: "/imports/{id}/rejects", ID: "listRejects", Saw: "rejects", Tag: "imports", Summary: "Rows that an import refused, with the reason", Need: identity.Import, Query: paging, Result: read.List[read.RejectRow]{}, Handle: h.rejects},
	)
}

func (h handlers) imports(c *Call) (any, error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.Imports(c.R.Context(), c.Scope(), p))
}

func (h handlers) rejects(c *Call) (any, error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.ImportRejects(c.R.Context(), c.Scope(), c.R.PathValue("id"), p))
}

// importRequest reads what both kinds of import have in common.
func (c *Call) importRequest(kind string) (ImportRequest, error) {
	q := c.R.URL.Query()
	r := ImportRequest{Kind: kind, Mapping: q.Get("mapping"), Creditor: q.Get("creditor"), At: c.At, Name: "api-" + kind + ".csv"}
	if r.Mapping == "" {
		r.Mapping = kind
	}
	if r.Creditor == "" && c.Who.Creditor != identity.AllCreditors {
		r.Creditor = c.Who.Creditor
	}
	var err error
	if text := q.Get("dry_run"); text != "" {
		if r.DryRun, err = strconv.ParseBool(text); err != nil {
			return r, invalid(Fault{Parameter: "dry_run", Detail: "true or false"})
		}
	}
	if r.Creditor == "" {
		return r, invalid(Fault{Parameter: "creditor", Detail: "say whose they are"})
	}
	// A mapping is a name of the configuration here, never a path of the server's disk.
	if strings.ContainsAny(r.Mapping, "/\\.") {
		return r, invalid(Fault{Parameter: "mapping", Detail: "the name of a mapping of the published configuration"})
	}
	return r, c.Require(r.Creditor, "This creditor")
}

func (h handlers) importFile(c *Call, kind string) (any, error) {
	r, err := c.importRequest(kind)
	if err != nil {
		return nil, err
	}
	r.Body = c.R.Body
	return h.Import(c.R.Context(), r)
}

func (h handlers) importRows(c *Call, kind string) (any, error) {
	r, err := c.importRequest(kind)
	if err != nil {
		return nil, err
	}
	var in ImportRows
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	b, err := asCSV(in.Rows)
	if err != nil {
		return nil, err
	}
	r.Body = bytes.NewReader(b)
	return h.Import(c.R.Context(), r)
}

// asCSV writes rows as a file whose columns are all members, ordered: the same rows are
// the same file, so that sending them twice changes nothing.
func asCSV(rows []map[string]string) ([]byte, error) {
	var header []string
	for _, row := range rows {
		for name := range row {
			if !slices.Contains(header, name) {
				header = append(header, name)
			}
		}
	}
	slices.Sort(header)
	if len(header) == 0 || len(header) > 200 {
		return nil, invalid(Fault{Pointer: "/rows", Detail: "rows have between 1 and 200 members"})
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // into memory
	for _, row := range rows {
		cells := make([]string, len(header))
		for i, name := range header {
			cells[i] = row[name]
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// --- releases, switches, health ------------------------------------------------------------

// NewRelease is a whole configuration: the text of every file by its path.
type NewRelease struct {
	Files map[string]string `json:"files"`
}

// Released is what publishing came to.
type Released struct {
	Version string `json:"version"`
	Added   bool   `json:"added"` // false: this very configuration was published before
}

// SwitchOrder turns a switch on or off.
type SwitchOrder struct {
	dunning.Switch
	Reason string `json:"reason" jsonschema:"minLength=3"`
}

func (h handlers) running() []Operation {
	return []Operation{
		{Method: "GET", Path: "/releases", ID: "listReleases", Tag: "configuration", Summary: "Published configurations, the newest first", Need: identity.Config, Query: paging, Result: list[read.ReleaseRow]{}, Handle: h.releases},
		{Method: "GET", Path: "/releases/{version}/changes", ID: "listChanges", Tag: "configuration", Summary: "What differs from another release", Need: identity.Config, Query: []Param{{Name: "since", Type: "string", Description: "version of the other release"}}, Result: []read.FileChange{}, Handle: func(c *Call) (any, error) {
			rows, err := h.Read.ReleaseDiff(c.R.Context(), c.Query("since"), c.R.PathValue("version"))
			return append([]read.FileChange{}, rows...), err
		}},
		{Method: "POST", Path: "/releases", ID: "publishRelease", Tag: "configuration", Summary: "Publish a configuration", Need: identity.Publish, Body: NewRelease{}, Result: Released{}, MaxBody: 16 << 20, Handle: h.publish},
		{Method: "GET", Path: "/switches", ID: "listSwitches", Tag: "switches", Summary: "Kill switches in force", Need: identity.Monitor, Query: paging, Result: list[Switch]{}, Handle: h.listSwitches},
		{Method: "POST", Path: "/switches/on", ID: "switchOn", Tag: "switches", Summary: "Stop sending for a scope", Need: identity.Operate, Body: SwitchOrder{}, Result: Switch{}, Handle: h.switchOn, optional: []string{"until"}},
		{Method: "POST", Path: "/switches/off", ID: "switchOff", Tag: "switches", Summary: "Let a scope send again", Need: identity.Operate, Body: SwitchOrder{}, Handle: h.switchOff, optional: []string{"until"}},
		{Method: "GET", Path: "/health", ID: "getHealth", Tag: "about", Summary: "Is anything stuck?", Need: identity.Monitor, Result: read.Health{}, Handle: func(c *Call) (any, error) {
			return h.Read.HealthNumbers(c.R.Context(), c.Scope(), c.At)
		}},
	}
}

func (h handlers) releases(c *Call) (any, error) {
	rows, err := h.Read.ReleaseList(c.R.Context())
	if err != nil {
		return nil, err
	}
	return paged(c, rows, func(r read.ReleaseRow) string { return r.Version })
}

func (h handlers) publish(c *Call) (any, error) {
	var in NewRelease
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for path, text := range in.Files {
		files[path] = []byte(text)
	}
	version, added, err := h.Publish(c.R.Context(), files, c.Who.By)
	if err != nil {
		return nil, err
	}
	return Released{version, added}, c.record("published", version, nil)
}

// touches reports whether a key may turn a switch: those of one creditor are its own;
// all others stop more than one, and need the scope for all.
func touches(c *Call, s dunning.Switch) bool {
	if s.Scope == dunning.SwitchCreditor {
		return c.Who.Can(c.op.Need, s.Subject)
	}
	return c.Who.Can(c.op.Need, identity.AllCreditors)
}

func (h handlers) listSwitches(c *Call) (any, error) {
	all, err := h.Switches(c.R.Context())
	out := []Switch{}
	for _, s := range all {
		if s.Scope != dunning.SwitchCreditor || c.Who.Can(c.op.Need, s.Subject) {
			out = append(out, s)
		}
	}
	if err != nil {
		return nil, err
	}
	return paged(c, out, func(s Switch) string { return string(s.Scope) + "/" + s.Subject })
}

func (h handlers) switchOn(c *Call) (any, error) {
	var in SwitchOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if !touches(c, in.Switch) {
		return nil, web.Forbidden(c.op.Need, in.Subject)
	}
	return h.SwitchOn(c.R.Context(), Switch{Switch: in.Switch, Reason: in.Reason, By: c.Who.By, On: c.At})
}

func (h handlers) switchOff(c *Call) (any, error) {
	var in SwitchOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if !touches(c, in.Switch) {
		return nil, web.Forbidden(c.op.Need, in.Subject)
	}
	return nil, h.SwitchOff(c.R.Context(), in.Switch, c.At, c.Who.By, in.Reason)
}

// --- outgoing webhooks ------------------------------------------------------------------------

// NewHook asks for a webhook.
type NewHook struct {
	URL      string   `json:"url" jsonschema:"format=uri,maxLength=2000"`
	Creditor string   `json:"creditor,omitempty" jsonschema_description:"\"*\" for all; default: the key's"`
	Kinds    []string `json:"kinds,omitempty" jsonschema_description:"of events; none: all"`
}

// Replay asks for deliveries to be made again.
type Replay struct {
	Delivery int64     `json:"delivery,omitempty" jsonschema_description:"one delivery"`
	After    int64     `json:"after,omitempty" jsonschema_description:"or all deliveries behind this one: the last that was dealt with"`
	Since    time.Time `json:"since,omitzero" jsonschema_description:"or all events from an instant on"`
}

// Replayed is how many deliveries are made again.
type Replayed struct {
	Deliveries int `json:"deliveries"`
}

func (h handlers) hooks() []Operation {
	ops := []Operation{
		{Method: "GET", Path: "/hooks", ID: "listHooks", Summary: "Webhooks", Query: paging, Result: list[Hook]{}, Handle: h.listHooks},
		{Method: "POST", Path: "/hooks", ID: "addHook", Summary: "Tell an address of events; the answer holds the secret that signs them, once", Body: NewHook{}, Result: Hook{}, Status: http.StatusCreated, Handle: h.addHook},
		{Method: "DELETE", Path: "/hooks/{id}", ID: "endHook", Summary: "Tell an address no more", Handle: h.endHook},
		{Method: "GET", Path: "/hooks/{id}/deliveries", ID: "listDeliveries", Summary: "What was sent to an address, the newest first", Query: paging, Result: list[Delivery]{}, Handle: h.deliveries},
		{Method: "POST", Path: "/hooks/{id}/replay", ID: "replayHook", Summary: "Send again: one delivery, or all since an instant", Body: Replay{}, Result: Replayed{}, Handle: h.replay},
	}
	ops = append(ops, Operation{Method: "POST", Path: "/hooks/{id}/rotate", ID: "rotateHook", Summary: "Sign with a new secret, which the answer holds, once; the one before signs beside it for 24 hours", Result: Hook{}, Handle: h.rotate})
	for i := range ops {
		ops[i].Tag, ops[i].Need = "webhooks", identity.Hooks
	}
	return ops
}

func (h handlers) listHooks(c *Call) (any, error) {
	all, err := h.Ports.Hooks.Hooks(c.R.Context())
	out := []Hook{}
	for _, k := range all {
		if c.Who.Can(c.op.Need, k.Creditor) {
			k.Secret = ""
			out = append(out, k)
		}
	}
	if err != nil {
		return nil, err
	}
	return paged(c, out, func(k Hook) string { return k.ID })
}

func (h handlers) addHook(c *Call) (any, error) {
	var in NewHook
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Creditor == "" {
		in.Creditor = c.Who.Creditor
	}
	if err := c.Require(in.Creditor, "This creditor"); err != nil {
		return nil, err
	}
	if part, want := identity.BadHook(in.URL, in.Kinds); part != "" {
		return nil, invalid(Fault{Pointer: "/" + part, Detail: want})
	}
	k := Hook{ID: c.ID(), Creditor: in.Creditor, URL: in.URL, Kinds: append([]string{}, in.Kinds...), Secret: "whsec_" + rand.Text(), By: c.Who.By, Created: h.Wall()}
	if err := h.Ports.Hooks.AddHook(c.R.Context(), k); err != nil {
		return nil, err
	}
	return k, c.record("hook_added", k.ID, map[string]string{"creditor": k.Creditor})
}

// mine finds a webhook that the key may touch.
func (h handlers) mine(c *Call) (string, error) {
	id, err := uuidOf(c, "id", "This webhook")
	if err != nil {
		return "", err
	}
	all, err := h.Ports.Hooks.Hooks(c.R.Context())
	if err != nil {
		return "", err
	}
	for _, k := range all {
		if k.ID == id && c.Who.Can(c.op.Need, k.Creditor) {
			return id, nil
		}
	}
	return "", web.NotFound("This webhook")
}

// given is how many of them are.
func given(all ...bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

func (h handlers) rotate(c *Call) (any, error) {
	id, err := h.mine(c)
	if err != nil {
		return nil, err
	}
	secret := "whsec_" + rand.Text()
	now := h.Wall()
	if err := h.Ports.Hooks.RotateHook(c.R.Context(), id, secret, now, now.Add(web.OldSecret)); err != nil {
		return nil, web.RotateFault(err)
	}
	all, err := h.Ports.Hooks.Hooks(c.R.Context())
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.ID == id {
			k.Kinds = append([]string{}, k.Kinds...)
			return k, c.record("hook_rotated", id, nil)
		}
	}
	return nil, web.NotFound("This webhook")
}

func (h handlers) endHook(c *Call) (any, error) {
	id, err := h.mine(c)
	if err != nil {
		return nil, err
	}
	if err := h.Ports.Hooks.EndHook(c.R.Context(), id, h.Wall()); err != nil {
		return nil, err
	}
	return nil, c.record("hook_ended", id, nil)
}

func (h handlers) deliveries(c *Call) (any, error) {
	id, err := h.mine(c)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	after, err := read.DecodeCursor(p.After, c.op.ID, 1)
	if err != nil {
		return nil, err
	}
	before := int64(math.MaxInt64)
	if after != nil {
		if before, err = strconv.ParseInt(after[0], 10, 64); err != nil {
			return nil, read.ErrBadCursor
		}
	}
	rows, err := h.Ports.Hooks.Deliveries(c.R.Context(), id, before, p.Size()+1)
	out := list[Delivery]{Rows: append([]Delivery{}, rows[:min(len(rows), p.Size())]...)}
	if len(rows) > p.Size() {
		out.Next = read.Cursor{Order: c.op.ID, Values: []string{strconv.FormatInt(out.Rows[p.Size()-1].ID, 10)}}.Encode()
	}
	return out, err
}

func (h handlers) replay(c *Call) (any, error) {
	id, err := h.mine(c)
	if err != nil {
		return nil, err
	}
	var in Replay
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	switch {
	case given(in.Delivery != 0, in.After != 0, !in.Since.IsZero()) != 1:
		return nil, invalid(Fault{Detail: "name one delivery, or the last that was dealt with, or an instant"})
	case in.After != 0:
		n, err := h.Ports.Hooks.ReplayAfter(c.R.Context(), id, in.After, h.Wall())
		return Replayed{n}, err
	case in.Delivery != 0:
		return Replayed{1}, h.Ports.Hooks.ReplayDelivery(c.R.Context(), id, in.Delivery, h.Wall())
	}
	n, err := h.Ports.Hooks.ReplaySince(c.R.Context(), id, in.Since, h.Wall())
	return Replayed{n}, err
}
