// Package govern is the pages of maker and checker: the review queue, a proposal with
// everything that it changes side by side, and the editor in which proposals are made.
//
// It owns how changes are shown (texts, rendered messages, drawn sequences, rules in
// words) and how edits are carried from page to page. It does not own who may check what,
// storage or loading: Service does, which console, API and command line share; nor what
// else waits for a person: the sources that are handed in tell it.
package govern
