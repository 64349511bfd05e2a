// Package codec encrypts what Duly stores in Temporal.
//
// It owns the payload format, the key ring (one key to encrypt with, any
// number to decrypt with) and the converters built from it. It does not own
// where keys are kept: they come from the environment or a file and stay in
// memory. Nothing here talks to a key service, because codecs run inside
// workflow tasks, where a slow answer trips the SDK's deadlock detector.
//
// Duly's payloads carry identifiers, codes and instants only; the encryption
// is the second wall, for the day when somebody puts more into them. It does
// not cover ids, type names, task queues or search attributes: those must say
// nothing about a person in themselves.
//
// # Format, version 1
//
// The whole original payload, metadata included, is marshalled and sealed with
// AES-256-GCM under a random 96-bit nonce. The result is a payload of
//
//	metadata encoding          = "binary/encrypted"
//	metadata encryption-key-id = the key's id
//	metadata encryption-format = "1"
//	data                       = nonce ‖ ciphertext ‖ tag
//
// Key id and format are bound as additional data, so neither can be changed
// without being noticed. Nothing of the workflow is bound: a codec server or
// proxy decodes without knowing the workflow, and carried-over state must open
// in the next run.
//
// With random nonces one key is good for 2³² payloads; rotate long before that
// (docs/runbook.md says how).
package codec
