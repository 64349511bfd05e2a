package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	generator "github.com/invopop/jsonschema"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web/hooks"
)

type object = map[string]any

// spec writes the OpenAPI 3.1 document of the operations.
func spec(ops []Operation) ([]byte, error) {
	paths := map[string]object{}
	for _, op := range ops {
		path := Prefix + op.Path
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path][strings.ToLower(op.Method)] = operation(op)
	}
	doc := object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info": object{
			"title": "Duly", "version": "1",
			"description": "Durable dunning: cases, commands, imports, configuration, compliance, webhooks. Lists are paged by cursors; every POST takes an Idempotency-Key; " +
				"faults are problem details (RFC 9457) that repeat nothing of what was sent. See docs/api.md.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{object{"url": "/"}},
		"tags":       tagsOf(ops),
		"security":   []any{object{"key": []string{}}},
		"paths":      paths,
		"webhooks":   webhooks(),
		"components": components(),
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}

// tagsOf are the groups of operations, in the order of the table.
func tagsOf(ops []Operation) (out []any) {
	var seen []string
	for _, op := range ops {
		if !slices.Contains(seen, op.Tag) {
			seen = append(seen, op.Tag)
			out = append(out, object{"name": op.Tag})
		}
	}
	return out
}

func components() object {
	text := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	problem := Problem{
		Type: "urn:duly:problem:invalid", Title: "Please check the request", Status: 422, Detail: "Each fault is listed with its place.",
		Instance: "urn:duly:request:DOUDZS4A3MMBM4XE", Errors: []Fault{{Pointer: "/amount", Detail: "is a number and must be object"}},
	}
	return object{
		"securitySchemes": object{"key": object{"type": "http", "scheme": "bearer", "description": "An API key, made in the console under API keys."}},
		"schemas":         object{"Problem": schemaOf(reflect.TypeFor[Problem]()), "Event": schemaOf(reflect.TypeFor[hooks.Event]())},
		"headers": object{
			"Request-Id":           text("Names the request in our log."),
			"RateLimit-Limit":      text("How many calls a key may make at once."),
			"RateLimit-Remaining":  text("How many of these are left."),
			"RateLimit-Reset":      text("Seconds until all are there again."),
			"Idempotency-Replayed": text("true: this is the answer that was given before."),
		},
		"responses": object{"Problem": object{
			"description": "What was asked for did not happen.",
			"content":     object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}, "example": problem}},
		}},
	}
}

// webhooks are the events that addresses are told of.
func webhooks() object {
	out := object{}
	for _, kind := range identity.EventKinds {
		example := hooks.Example(kind)
		out[kind] = object{"post": object{
			"operationId": "told_" + strings.ReplaceAll(kind, ".", "_"), "summary": hooks.When(kind), "tags": []string{"webhooks"}, "security": []any{object{}},
			"description": "Sent to each address that asked for it. Check Duly-Signature before anything else; answer 2xx within 10 seconds.",
			"parameters": []any{
				header("Duly-Signature", "t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, t + \".\" + body)>; while a secret is changed, one v1 for each of the two"),
				header("Duly-Event", "the type of the event"), header("Duly-Event-Id", "the same for every try: what was seen is not done twice"), header("Duly-Delivery", "the delivery"),
			},
			"requestBody": object{"required": true, "content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/Event"}, "example": example}}},
			"responses": object{
				"2XX": object{"description": "It has arrived and is not sent again."},
				"410": object{"description": "Nothing is tried again for this event."},
				"4XX": object{"description": "It is tried again, for about three days."},
				"5XX": object{"description": "It is tried again, for about three days."},
			},
		}}
	}
	return out
}

func header(name, description string) object {
	return object{"name": name, "in": "header", "required": true, "description": description, "schema": object{"type": "string"}}
}

func operation(op Operation) object {
	scopes := make([]string, 0, 2)
	for _, need := range op.needs() {
		scopes = append(scopes, "`"+string(need)+"`")
	}
	o := object{
		"operationId": op.ID, "summary": op.Summary, "tags": []string{op.Tag},
		"description": "Scope of the key: " + strings.Join(scopes, " and ") + ".",
		"responses":   responses(op),
	}
	if ps := parameters(op); len(ps) > 0 {
		o["parameters"] = ps
	}
	switch {
	case op.Raw != "":
		o["requestBody"] = object{"required": true, "content": object{op.Raw: object{"schema": object{"type": "string"}}}}
	case op.Body != nil:
		o["requestBody"] = object{"required": len(op.schema().Required) > 0, "content": object{"application/json": object{"schema": op.schema(), "example": op.bodyExample()}}}
	}
	return o
}

func responses(op Operation) object {
	out := object{"default": object{"$ref": "#/components/responses/Problem"}}
	status := op.Status
	if status == 0 {
		status = 200
	}
	told := object{}
	for _, name := range []string{"Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
		told[name] = object{"$ref": "#/components/headers/" + name}
	}
	if op.changes() {
		told["Idempotency-Replayed"] = object{"$ref": "#/components/headers/Idempotency-Replayed"}
	}
	ok := object{"description": "It is done.", "headers": told}
	switch {
	case op.ResultType == "application/zip":
		ok["content"] = object{op.ResultType: object{}}
	case op.ResultType != "":
		ok["content"] = object{op.ResultType: object{"schema": object{"type": "string"}}}
	case op.Result != nil:
		ok["content"] = object{"application/json": object{"schema": op.answerSchema(), "example": exampleOf(op.answerSchema(), "")}}
	default:
		status = 204
	}
	out[strconv.Itoa(status)] = ok
	return out
}

func parameters(op Operation) []any {
	var out []any
	for _, name := range op.params() {
		out = append(out, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range op.Query {
		schema := object{"type": p.Type}
		if p.Type == "date" || p.Type == "date-time" {
			schema = object{"type": "string", "format": p.Type}
		}
		if len(p.Enum) > 0 {
			schema["enum"] = p.Enum
		}
		if p.Many {
			schema = object{"type": "array", "items": schema}
		}
		param := object{"name": p.Name, "in": "query", "required": false, "schema": schema}
		if p.Description != "" {
			param["description"] = p.Description
		}
		out = append(out, param)
	}
	if op.changes() {
		out = append(out, object{
			"name": "Idempotency-Key", "in": "header", "required": false,
			"description": "The same key with the same request gives the same answer, for 48 hours, and does nothing twice.", "schema": object{"type": "string", "maxLength": 255},
		})
	}
	return out
}

// schema of the body.
func (o Operation) schema() *generator.Schema { return schemaOf(o.bodyType(), o.optional...) }

// answerSchema is the schema of the answer. A list that is empty may be null where Go has
// none.
func (o Operation) answerSchema() *generator.Schema {
	s := schemaOf(reflect.TypeOf(o.Result))
	kind := s.Type
	loosen(s)
	if kind == "object" {
		s.Type, s.Extras = kind, nil // the answer itself is there
	}
	return s
}

// loosen lets lists, maps and objects within an answer be null, and objects have more
// members later: clients must not break over a new one.
func loosen(s *generator.Schema) {
	if s == nil || s == generator.FalseSchema || s == generator.TrueSchema {
		return
	}
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			loosen(p.Value)
		}
	}
	for _, one := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
		loosen(one)
	}
	loosen(s.Items)
	loosen(s.AdditionalProperties)
	if s.AdditionalProperties == generator.FalseSchema {
		s.AdditionalProperties = nil
	}
	switch s.Type {
	case "array", "object":
		s.Extras = map[string]any{"type": []string{s.Type, "null"}}
		s.Type = ""
	}
}
