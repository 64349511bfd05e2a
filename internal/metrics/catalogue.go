package metrics

import (
	"fmt"
	"strings"
)

// Kind is a type of Prometheus.
type Kind string

// Kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Def says what a metric is. Spans are in seconds; those of Figure say which clock they go by.
type Def struct {
	Name    string
	Kind    Kind
	Help    string
	Labels  []string
	Buckets []float64 // of a histogram
	// Figure: it is read from the database when it is asked for, so every worker says the same:
	// take the max over workers, never the sum.
	Figure bool
}

// Names of what is counted as it happens.
const (
	Activities        = "duly_activities_total"
	ActivitySeconds   = "duly_activity_seconds"
	Decisions         = "duly_decisions_total"
	Deferrals         = "duly_deferrals_total"
	DueToDecided      = "duly_due_to_decided_seconds"
	Contacts          = "duly_contacts_total"
	DecidedToAccepted = "duly_decided_to_accepted_seconds"
	ProviderCalls     = "duly_provider_call_seconds"
	Events            = "duly_events_total"
	Nudges            = "duly_nudges_total"
	Swept             = "duly_cases_swept_total"
	Opened            = "duly_cases_opened_total"
	StarterRuns       = "duly_starter_runs_total"
	Unmatched         = "duly_accounts_unmatched"
	Requests          = "duly_http_request_seconds"
	Build             = "duly_build_info"
	FiguresUp         = "duly_figures_up"
	FiguresAge        = "duly_figures_age_seconds"
)

// Names of the database's figures.
const (
	CasesOpen         = "duly_cases_open"
	CasesDue          = "duly_cases_due"
	OldestDueAge      = "duly_oldest_due_age_seconds"
	CasesLate         = "duly_cases_late"
	NudgesWaiting     = "duly_nudges_waiting"
	OldestNudgeAge    = "duly_oldest_nudge_age_seconds"
	Unknown           = "duly_contacts_unknown"
	OldestUnknownAge  = "duly_oldest_unknown_age_seconds"
	Sending           = "duly_contacts_sending"
	Recent            = "duly_contacts_recent"
	BreakerOpen       = "duly_channel_breaker_open"
	SwitchedOff       = "duly_channel_switched_off"
	SwitchesOn        = "duly_switches_on"
	SendersPaused     = "duly_senders_paused"
	WorkWaiting       = "duly_work_waiting"
	WorkLate          = "duly_work_late"
	InboxPending      = "duly_inbox_pending"
	OldestInboxAge    = "duly_oldest_inbox_age_seconds"
	InboxUnassigned   = "duly_inbox_unassigned"
	DeliveriesWaiting = "duly_hook_deliveries_waiting"
	OldestDelivery    = "duly_oldest_hook_delivery_age_seconds"
	DeliveriesGivenUp = "duly_hook_deliveries_given_up"
	FeedAge           = "duly_payment_feed_oldest_age_seconds"
	RestoreOpen       = "duly_restore_open"
	ChainBroken       = "duly_audit_chain_broken"
	UnsealedAge       = "duly_audit_unsealed_age_seconds"
	VerifiedAge       = "duly_audit_verified_age_seconds"
	DBConnections     = "duly_database_connections"
	DBMost            = "duly_database_connections_max"
	DBLocked          = "duly_database_waiting_for_locks"
	DBOldestTx        = "duly_database_oldest_transaction_seconds"
	DBReplicaLag      = "duly_database_replica_lag_seconds"
	PoolConnections   = "duly_db_pool_connections"
	PoolMost          = "duly_db_pool_connections_max"
	PoolWaits         = "duly_db_pool_waits_total"
	PoolWaitSeconds   = "duly_db_pool_wait_seconds_total"
	SchedulePaused    = "duly_schedule_paused"
	ScheduleLast      = "duly_schedule_last_start_timestamp_seconds"
	ScheduleMissed    = "duly_schedule_missed_total"
	ScheduleEvery     = "duly_schedule_interval_seconds"
)

// Buckets: work of a transaction, a call of a provider, and lateness, which may be hours.
var (
	quick    = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	requests = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}
	lateness = []float64{0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400}
	latency  = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900}
)

// own are the metrics of Duly itself.
var own = []Def{
	{Name: Activities, Kind: Counter, Help: "Activities that ended, by verb and outcome: ok, or the code of the error.", Labels: []string{"verb", "outcome"}},
	{Name: ActivitySeconds, Kind: Histogram, Help: "How long an activity took, waiting for its instant included.", Labels: []string{"verb"}, Buckets: latency},
	{Name: Decisions, Kind: Counter, Help: "Decisions that activities came to, by the verb that is next.", Labels: []string{"verb"}},
	{Name: Deferrals, Kind: Counter, Help: "Decisions not to write yet, by the rule that says so.", Labels: []string{"rule"}},
	{
		Name: DueToDecided, Kind: Histogram, Labels: []string{"verb"}, Buckets: lateness,
		Help: "Business time from the instant that a decision planned until it was served (of a message: until its outcome was known), where no nudge came first.",
	},
	{
		Name: Contacts, Kind: Counter, Labels: []string{"channel", "state", "class"},
		Help: "Hand-overs to providers, by channel, state and class of failure (none when there is none).",
	},
	{
		Name: DecidedToAccepted, Kind: Histogram, Labels: []string{"channel"}, Buckets: quick,
		Help: "Wall time from the decision that allowed a message, taken at its dispatch, until it was stored that its provider accepted it.",
	},
	{
		Name: ProviderCalls, Kind: Histogram, Labels: []string{"channel", "state"}, Buckets: quick,
		Help: "How long calls of providers took, by channel and state.",
	},
	{
		Name: Events, Kind: Counter, Labels: []string{"name"},
		Help: "What happened, by name: crossed_in_post, unknown_resolved_by_lookup, webhook_bad_signature and others.",
	},
	{Name: Nudges, Kind: Counter, Help: "Nudges by outcome: delivered, dropped (their case is closed), failed (they wait).", Labels: []string{"outcome"}},
	{Name: Swept, Kind: Counter, Help: "Late cases that the sweeper woke."},
	{Name: Opened, Kind: Counter, Help: "Cases that the starter opened or opened again."},
	{
		Name: StarterRuns, Kind: Counter, Labels: []string{"outcome"},
		Help: "Runs of the starter in this process, by outcome: ok, failed (some account could not be looked at).",
	},
	{Name: Unmatched, Kind: Gauge, Help: "Accounts with debts that no sequence applies to, in the latest run of the starter in this process."},
	{Name: Requests, Kind: Histogram, Help: "How long requests took, by route and class of status.", Labels: []string{"route", "status"}, Buckets: requests},
	{Name: Build, Kind: Gauge, Help: "1, with the process's kind and the versions of the decision core and Go.", Labels: []string{"process", "core", "go"}},
	{Name: FiguresUp, Kind: Gauge, Help: "1 when the database's figures could be read at the latest attempt."},
	{Name: FiguresAge, Kind: Gauge, Help: "Wall time since the database's figures were read that are shown."},

	{Name: CasesOpen, Kind: Gauge, Figure: true, Help: "Open cases; an estimate where there are many."},
	{Name: CasesDue, Kind: Gauge, Figure: true, Help: "Open cases whose next instant has passed or that have facts to look at."},
	{Name: OldestDueAge, Kind: Gauge, Figure: true, Help: "Business time since the oldest instant that no decision has served; 0 when there is none."},
	{Name: CasesLate, Kind: Gauge, Figure: true, Help: "Open cases that the sweeper should have woken and that nobody decided."},
	{Name: NudgesWaiting, Kind: Gauge, Figure: true, Help: "Nudges that are not delivered."},
	{Name: OldestNudgeAge, Kind: Gauge, Figure: true, Help: "Wall time since the oldest nudge that is not delivered; 0 when there is none."},
	{Name: Unknown, Kind: Gauge, Figure: true, Help: "Messages of which nobody knows whether they left."},
	{Name: OldestUnknownAge, Kind: Gauge, Figure: true, Help: "Business time since the oldest of them became unknown; 0 when there is none."},
	{Name: Sending, Kind: Gauge, Figure: true, Help: "Messages that are being handed over."},
	{
		Name: Recent, Kind: Gauge, Figure: true, Labels: []string{"channel", "state"},
		Help: "Messages of the last quarter of an hour of business time, by channel and state: accepted, failed (and bounced), unknown.",
	},
	{Name: BreakerOpen, Kind: Gauge, Figure: true, Help: "1 while the breaker of a channel is open, for all workers.", Labels: []string{"channel"}},
	{Name: SwitchedOff, Kind: Gauge, Figure: true, Help: "1 while a switch over the channel, or over everything, is on.", Labels: []string{"channel"}},
	{Name: SwitchesOn, Kind: Gauge, Figure: true, Help: "Switches that are on, by scope.", Labels: []string{"scope"}},
	{Name: SendersPaused, Kind: Gauge, Figure: true, Help: "Senders that their provider wants left alone, by channel.", Labels: []string{"channel"}},
	{Name: WorkWaiting, Kind: Gauge, Figure: true, Help: "Things that wait for people."},
	{Name: WorkLate, Kind: Gauge, Figure: true, Help: "Of these, those past their instant."},
	{Name: InboxPending, Kind: Gauge, Figure: true, Help: "Received events that are not processed."},
	{Name: OldestInboxAge, Kind: Gauge, Figure: true, Help: "Wall time since the oldest of them was received; 0 when there is none."},
	{Name: InboxUnassigned, Kind: Gauge, Figure: true, Help: "Received events that wait for a person to assign them."},
	{Name: DeliveriesWaiting, Kind: Gauge, Figure: true, Help: "Deliveries to outgoing webhooks that are still to be made."},
	{Name: OldestDelivery, Kind: Gauge, Figure: true, Help: "Wall time since the event of the oldest of them; 0 when there is none."},
	{Name: DeliveriesGivenUp, Kind: Gauge, Figure: true, Help: "Deliveries to outgoing webhooks in force that were given up."},
	{
		Name: FeedAge, Kind: Gauge, Figure: true,
		Help: "Business time since the creditor's payment feed that is furthest behind was complete; 0 when there is none.",
	},
	{Name: RestoreOpen, Kind: Gauge, Figure: true, Help: "1 from when a restore of the database was noticed until a person said that all is put right."},
	{Name: ChainBroken, Kind: Gauge, Figure: true, Help: "1 when the latest verification found the audit chain broken."},
	{Name: UnsealedAge, Kind: Gauge, Figure: true, Help: "Wall time for which the oldest row has waited to be sealed into the audit chain; 0 when there is none."},
	{Name: VerifiedAge, Kind: Gauge, Figure: true, Help: "Wall time since the audit chain was last verified, or since its first seal while it never was; missing before that."},
	{Name: DBConnections, Kind: Gauge, Figure: true, Help: "Connections to the database."},
	{Name: DBMost, Kind: Gauge, Figure: true, Help: "Connections that the database server allows."},
	{Name: DBLocked, Kind: Gauge, Figure: true, Help: "Connections that wait for a lock."},
	{Name: DBOldestTx, Kind: Gauge, Figure: true, Help: "Age of the oldest transaction."},
	{Name: DBReplicaLag, Kind: Gauge, Figure: true, Help: "How far the furthest standby is behind; 0 without one."},

	{Name: PoolConnections, Kind: Gauge, Help: "Connections of this process's pool, by state: idle, in_use, opening.", Labels: []string{"state"}},
	{Name: PoolMost, Kind: Gauge, Help: "Connections that the pool may have."},
	{Name: PoolWaits, Kind: Counter, Help: "How often a connection had to be waited for."},
	{Name: PoolWaitSeconds, Kind: Counter, Help: "How long connections had to be waited for."},

	{Name: SchedulePaused, Kind: Gauge, Help: "1 while the Temporal Schedule that opens cases is paused; of the starter."},
	{Name: ScheduleLast, Kind: Gauge, Help: "When the Schedule last began to open cases, or was made if it never has (wall time); of the starter."},
	{Name: ScheduleEvery, Kind: Gauge, Help: "How long the Schedule lets pass between two runs; of the starter."},
	{Name: ScheduleMissed, Kind: Counter, Help: "Runs that the Schedule missed; of the starter."},
}

// Labels of the Temporal SDK that are kept. All others are dropped, and with them what could
// name a person.
const (
	queueLabel    = "task_queue"
	workflowLabel = "workflow_type"
	activityLabel = "activity_type"
	workerLabel   = "worker_type"
	pollerLabel   = "poller_type"
	operation     = "operation"
	statusCode    = "status_code"
	reasonLabel   = "failure_reason"
)

// sdk are the metrics of the Temporal SDK that are served, by the SDK's own name. Counters get
// the suffix _total and timers _seconds, as Prometheus wants it; what is not here is dropped.
var sdk = map[string]Def{
	"temporal_request":                                 {Kind: Counter, Help: "Requests to Temporal.", Labels: []string{operation}},
	"temporal_request_failure":                         {Kind: Counter, Help: "Requests to Temporal that failed.", Labels: []string{operation, statusCode}},
	"temporal_request_latency":                         {Kind: Histogram, Help: "How long requests to Temporal took.", Labels: []string{operation}},
	"temporal_long_request":                            {Kind: Counter, Help: "Long polls of Temporal.", Labels: []string{operation}},
	"temporal_long_request_failure":                    {Kind: Counter, Help: "Long polls of Temporal that failed.", Labels: []string{operation, statusCode}},
	"temporal_request_resource_exhausted":              {Kind: Counter, Help: "Requests that Temporal refused because of a limit.", Labels: []string{operation}},
	"temporal_workflow_completed":                      {Kind: Counter, Help: "Workflows that ended well.", Labels: []string{workflowLabel}},
	"temporal_workflow_failed":                         {Kind: Counter, Help: "Workflows that failed.", Labels: []string{workflowLabel}},
	"temporal_workflow_canceled":                       {Kind: Counter, Help: "Workflows that were cancelled.", Labels: []string{workflowLabel}},
	"temporal_workflow_continue_as_new":                {Kind: Counter, Help: "Workflows that went on with a fresh history.", Labels: []string{workflowLabel}},
	"temporal_workflow_task_schedule_to_start_latency": {Kind: Histogram, Help: "How long workflow tasks waited for a worker.", Labels: []string{queueLabel}},
	"temporal_workflow_task_execution_latency":         {Kind: Histogram, Help: "How long workflow tasks took.", Labels: []string{workflowLabel}},
	"temporal_workflow_task_replay_latency":            {Kind: Histogram, Help: "How long replays took.", Labels: []string{workflowLabel}},
	"temporal_workflow_task_execution_failed": {
		Kind: Counter, Labels: []string{workflowLabel, reasonLabel},
		Help: "Workflow tasks that failed, by reason: NonDeterminismError is a release that does not fit.",
	},
	"temporal_workflow_task_queue_poll_empty":   {Kind: Counter, Help: "Polls for workflow tasks that found none.", Labels: []string{queueLabel}},
	"temporal_workflow_task_queue_poll_succeed": {Kind: Counter, Help: "Polls for workflow tasks that found one.", Labels: []string{queueLabel}},
	"temporal_activity_poll_no_task":            {Kind: Counter, Help: "Polls for activities that found none.", Labels: []string{queueLabel}},
	"temporal_activity_schedule_to_start_latency": {
		Kind: Histogram, Labels: []string{queueLabel, activityLabel},
		Help: "How long activities waited for a worker.",
	},
	"temporal_activity_execution_latency": {Kind: Histogram, Help: "How long activities took in the worker.", Labels: []string{activityLabel}},
	"temporal_activity_succeed_endtoend_latency": {
		Kind: Histogram, Labels: []string{activityLabel},
		Help: "How long activities took from being scheduled to success.",
	},
	"temporal_activity_execution_failed": {Kind: Counter, Help: "Activities that failed; most are tried again.", Labels: []string{activityLabel}},
	"temporal_activity_task_error": {
		Kind: Counter, Labels: []string{activityLabel},
		Help: "Activities whose worker failed, panics included.",
	},
	"temporal_unregistered_activity_invocation":   {Kind: Counter, Help: "Activities that this worker does not know.", Labels: []string{queueLabel}},
	"temporal_worker_start":                       {Kind: Counter, Help: "Workers that were started.", Labels: []string{queueLabel, workerLabel}},
	"temporal_worker_task_slots_available":        {Kind: Gauge, Help: "Slots that are free.", Labels: []string{queueLabel, workerLabel}},
	"temporal_worker_task_slots_used":             {Kind: Gauge, Help: "Slots that are taken.", Labels: []string{queueLabel, workerLabel}},
	"temporal_num_pollers":                        {Kind: Gauge, Help: "Pollers at work.", Labels: []string{queueLabel, pollerLabel}},
	"temporal_sticky_cache_hit":                   {Kind: Counter, Help: "Workflows that were found in the cache."},
	"temporal_sticky_cache_miss":                  {Kind: Counter, Help: "Workflows that had to be replayed."},
	"temporal_sticky_cache_total_forced_eviction": {Kind: Counter, Help: "Workflows that were pushed out of the cache."},
	"temporal_sticky_cache_size":                  {Kind: Gauge, Help: "Workflows in the cache."},
	"temporal_corrupted_signals":                  {Kind: Counter, Help: "Signals that could not be read.", Labels: []string{workflowLabel}},
}

// Rows are the catalogue as rows of a Markdown table: name, type, labels, words.
func Rows() []string {
	var out []string
	for _, d := range Catalogue() {
		out = append(out, fmt.Sprintf("| `%s` | %s | %s | %s |", d.Name, d.Kind, strings.Join(d.Labels, ", "), d.Help))
	}
	return out
}
