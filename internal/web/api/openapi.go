package api

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
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
		"openapi": "3.1.0",
		"info": object{
			"title": "Duly", "version": "1",
			"description": "Durable dunning: cases, commands, imports, webhooks. Lists are paged by cursors; every POST takes an Idempotency-Key; faults are problem details (RFC 9457). See docs/api.md.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{object{"url": "/"}},
		"security": []any{object{"key": []string{}}},
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"key": object{"type": "http", "scheme": "bearer", "description": "An API key, made in the console under API keys."}},
			"schemas":         object{"Problem": schemaOf(reflect.TypeFor[Problem]())},
			"responses": object{"Problem": object{
				"description": "What was asked for did not happen.",
				"content":     object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}}},
			}},
		},
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}

func operation(op Operation) object {
	o := object{
		"operationId": op.ID, "summary": op.Summary, "tags": []string{op.Tag},
		"description": "Scope of the key: `" + string(op.Need) + "`.",
		"responses":   responses(op),
	}
	if ps := parameters(op); len(ps) > 0 {
		o["parameters"] = ps
	}
	switch {
	case op.Raw != "":
		o["requestBody"] = object{"required": true, "content": object{op.Raw: object{"schema": object{"type": "string"}}}}
	case op.Body != nil:
		o["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": schemaOf(op.bodyType(), op.optional...)}}}
	}
	return o
}

func responses(op Operation) object {
	out := object{"default": object{"$ref": "#/components/responses/Problem"}}
	status := op.Status
	if status == 0 {
		status = 200
	}
	ok := object{"description": "It is done."}
	switch {
	case op.ResultType != "":
		ok["content"] = object{op.ResultType: object{"schema": object{"type": "string"}}}
	case op.Result != nil:
		ok["content"] = object{"application/json": object{"schema": schemaOf(reflect.TypeOf(op.Result))}}
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
		out = append(out, object{"name": p.Name, "in": "query", "required": false, "description": p.Description, "schema": schema})
	}
	if op.changes() && !op.Repeats {
		out = append(out, object{
			"name": "Idempotency-Key", "in": "header", "required": false,
			"description": "The same key with the same request gives the same answer, for 48 hours, and does nothing twice.", "schema": object{"type": "string", "maxLength": 255},
		})
	}
	return out
}
