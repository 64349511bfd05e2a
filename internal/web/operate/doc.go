// Package operate is the console's part for operations: health, cases with bulk actions,
// messages, kill switches, configuration releases, sequences with what stands at each
// step, templates, imports and the inbox of what nobody could assign.
//
// It owns the pages, their filters and their words, what a bulk action is, and the line
// diff of files. It owns no rule and no SQL: lists come from its ports, and what changes a
// case is a command like any other. The page of one case belongs to package collect.
package operate
