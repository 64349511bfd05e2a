package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/yamlpos"
)

// QueuesSpec is queues.yaml: where tasks for people wait.
type QueuesSpec struct {
	Queues []QueueSpec `yaml:"queues" jsonschema:"required"`
}

// QueueSpec is one queue.
type QueueSpec struct {
	ID         string `yaml:"id" jsonschema:"required"`
	Title      string `yaml:"title"`
	Note       string `yaml:"note" jsonschema_description:"what this queue is for"`
	Supervisor string `yaml:"supervisor" jsonschema_description:"queue that takes over what is left untouched"`
}

// Queue is one queue of tasks.
type Queue struct {
	ID, Title, Note string
	Supervisor      string // queue that takes over what is left untouched; may be empty
}

// RolesSpec is roles.yaml: what people may do and up to which limits.
type RolesSpec struct {
	Roles []RoleSpec `yaml:"roles" jsonschema:"required"`
}

// RoleSpec is one role.
type RoleSpec struct {
	ID     string     `yaml:"id" jsonschema:"required"`
	Title  string     `yaml:"title"`
	May    []string   `yaml:"may" jsonschema:"required"`
	Limits LimitsSpec `yaml:"limits" jsonschema_description:"authority; above it an approval is needed"`
}

// LimitsSpec is the authority of a role. What is left out is not allowed at all.
type LimitsSpec struct {
	PromiseWithin     *Days   `yaml:"promise_within" jsonschema_description:"latest date of a promise, from today"`
	PlanInstalments   int     `yaml:"plan_instalments" jsonschema:"minimum=0"`
	PlanFirstDue      *Days   `yaml:"plan_first_due"`
	HoldFor           *Days   `yaml:"hold_for"`
	SettlementPercent int     `yaml:"settlement_percent" jsonschema:"minimum=0,maximum=100" jsonschema_description:"largest part that may be given up"`
	Settlement        Amounts `yaml:"settlement" jsonschema_description:"largest amount that may be given up"`
	WriteOff          Amounts `yaml:"write_off"`
}

// Permission is one thing that a role may do.
type Permission string

// Permissions are all that roles can be given, in the order of the console.
var Permissions = []Permission{
	"view", "note", "payment", "take_over", "call", "promise", "plan", "settlement", "dispute", "hold", "write_off",
	"approve_draft", "approve_referral", "approve_settlement", "publish", "migrate", "export", "operate",
}

// Role is one role with its permissions and authority.
type Role struct {
	ID, Title string
	May       []Permission // sorted as in Permissions
	Limits    Limits
}

// Limits is the authority of a role. Zero means none; days are local days.
type Limits struct {
	PromiseWithin, PlanInstalments, PlanFirstDue, HoldFor, SettlementPercent int

	Settlement, WriteOff map[string]money.Amount
}

// Can reports whether the role has a permission.
func (r Role) Can(p Permission) bool { return slices.Contains(r.May, p) }

func (l *loader) parseQueues(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	if !ok {
		return
	}
	var spec QueuesSpec
	doc.Decode(&spec)
	ids := ids[QueueSpec]{doc: doc, list: "queues", id: func(q QueueSpec) string { return q.ID }}.check(spec.Queues)
	for i, q := range spec.Queues {
		if q.Supervisor != "" && !slices.Contains(ids, q.Supervisor) {
			doc.Fault(fmt.Sprintf("queues[%d].supervisor", i), fmt.Sprintf("unknown queue %q", q.Supervisor), yamlpos.Suggest(q.Supervisor, ids))
		}
		l.cfg.queues = append(l.cfg.queues, Queue{q.ID, orID(q.Title, q.ID), q.Note, q.Supervisor})
	}
}

func orID(title, id string) string {
	if title == "" {
		return id
	}
	return title
}

// ids checks the ids of a list of things.
type ids[T any] struct {
	doc  *yamlpos.Doc
	list string
	id   func(T) string
}

// check returns all ids and reports missing, malformed and doubled ones.
func (c ids[T]) check(things []T) (all []string) {
	if len(things) == 0 {
		c.doc.Fault(c.list, "the list is empty", "")
	}
	for i, t := range things {
		path, id := fmt.Sprintf("%s[%d].id", c.list, i), c.id(t)
		checkID(c.doc, path, id)
		if first := slices.Index(all, id); first >= 0 && id != "" {
			c.doc.Fault(path, fmt.Sprintf("%q exists already", id), fmt.Sprintf("it is number %d of the list", first+1))
		}
		all = append(all, id)
	}
	return all
}

func (l *loader) parseRoles(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	if !ok {
		return
	}
	var spec RolesSpec
	doc.Decode(&spec)
	ids[RoleSpec]{doc: doc, list: "roles", id: func(r RoleSpec) string { return r.ID }}.check(spec.Roles)
	for i, r := range spec.Roles {
		at := fmt.Sprintf("roles[%d]", i)
		l.cfg.roles = append(l.cfg.roles, Role{
			ID: r.ID, Title: orID(r.Title, r.ID), May: permissions(doc, at+".may", r.May), Limits: limits(doc, at+".limits", r.Limits),
		})
	}
}

func permissions(doc *yamlpos.Doc, path string, given []string) (out []Permission) {
	known := make([]string, len(Permissions))
	for i, p := range Permissions {
		known[i] = string(p)
	}
	for i, g := range given {
		if !slices.Contains(known, g) {
			hint := yamlpos.Suggest(g, known)
			if hint == "" {
				hint = "known: " + strings.Join(known, ", ")
			}
			doc.Fault(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("unknown permission %q", g), hint)
		}
	}
	for _, p := range Permissions {
		if slices.Contains(given, string(p)) {
			out = append(out, p)
		}
	}
	return out
}

func limits(doc *yamlpos.Doc, path string, s LimitsSpec) Limits {
	days := func(key string, d *Days) int {
		if d == nil {
			return 0
		}
		if *d < 0 {
			doc.Fault(path+"."+key, "must not be negative", "")
		}
		return int(*d)
	}
	if s.SettlementPercent < 0 || s.SettlementPercent > 100 {
		doc.Fault(path+".settlement_percent", "must be between 0 and 100", "")
	}
	if s.PlanInstalments < 0 || s.PlanInstalments > 60 {
		doc.Fault(path+".plan_instalments", "must be between 0 and 60", "")
	}
	return Limits{
		PromiseWithin: days("promise_within", s.PromiseWithin), PlanInstalments: s.PlanInstalments,
		PlanFirstDue: days("plan_first_due", s.PlanFirstDue), HoldFor: days("hold_for", s.HoldFor),
		SettlementPercent: s.SettlementPercent,
		Settlement:        amounts(doc, path+".settlement", s.Settlement), WriteOff: amounts(doc, path+".write_off", s.WriteOff),
	}
}

// Queues returns all queues in the order of the file.
func (c *Config) Queues() []Queue { return slices.Clone(c.queues) }

// Roles returns all roles in the order of the file.
func (c *Config) Roles() []Role { return slices.Clone(c.roles) }

// Role returns a role by id.
func (c *Config) Role(id string) (Role, bool) {
	i := slices.IndexFunc(c.roles, func(r Role) bool { return r.ID == id })
	if i < 0 {
		return Role{}, false
	}
	return c.roles[i], true
}
