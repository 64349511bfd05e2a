// Package metrics measures a process and serves what it measured to Prometheus.
//
// It owns the names, types, labels and words of all metrics of Duly (the catalogue, by which
// the alerts, the dashboard and docs/monitoring.md are checked), the counting, the bridge from
// the Temporal SDK's metrics, and the text under /metrics. It does not own what the store's
// figures mean, nor how they are counted: whoever wires a process hands them in.
//
// Labels are codes of ours: verbs, channels, states, ids of rules, patterns of routes. No label
// names a person, an account, a case or a creditor, and a metric that gets more label values than
// anybody can look at puts the rest under "other".
package metrics
