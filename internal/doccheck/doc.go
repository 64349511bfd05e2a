// Package doccheck keeps the documents true: links lead somewhere, pictures and
// headings exist, named tests exist, named make targets exist, commands marked
// as testable run.
//
// It owns README.md and everything below docs/. It does not own doc comments in
// code (staticcheck) nor the schemas (their generators' golden tests).
//
// A code block is run when the line before it is the comment <!-- test -->; it
// runs from the repository's directory with sh -eu and must end with status 0.
package doccheck
