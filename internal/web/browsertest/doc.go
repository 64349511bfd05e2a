// Package browsertest walks the console in a real browser: the journeys of collectors and
// operations by keyboard, every page with axe-core, and a picture of each.
//
// It owns a small driver for Chromium over its debugging pipe (no port, no websocket, no
// further module), a site with debtors in all states, and the tests. A page fails when the
// browser's console shows an error, when a request leaves the machine, or when axe-core
// finds something serious or critical.
//
// With DULY_SCREENSHOTS=DIR the pictures of every page, light and dark, are written to DIR.
package browsertest
