// Package config is what operations edit, and the code that loads and checks it.
//
// The directory holds sequences/, templates/, policies/, holidays/, creditors/,
// mappings/, queues.yaml, roles.yaml and disclosures.yaml. [Load] reads a
// directory of that layout and reports every fault of every file at once;
// [Default] is the directory shipped with the program. A [Config] is immutable
// and safe for concurrent use.
//
// The package owns the file formats, their JSON Schemas, the rendering of
// messages and the hashing of releases. It does not own what a sequence means
// (package dunning), what a contact rule means (package dunning/contact), or
// where published releases are kept (the store).
package config
