package app

import (
	"strings"
	"testing"
)

// apiOf says for each route of the console which operations of the API do the same.
var apiOf = map[string][]string{
	"GET /search":                        {"search"},
	"GET /views":                         {"listViews"},
	"POST /views":                        {"saveView"},
	"POST /views/drop":                   {"dropView"},
	"GET /users":                         {"listUsers", "listSessions"},
	"POST /users":                        {"addUser"},
	"POST /users/{id}/grants":            {"setGrants"},
	"POST /users/{id}/reset":             {"resetPassword"},
	"POST /users/{id}/disable":           {"disableUser"},
	"POST /users/{id}/enable":            {"enableUser"},
	"POST /users/{id}/signout":           {"signOutUser"},
	"GET /keys":                          {"listKeys"},
	"POST /keys":                         {"addKey"},
	"POST /keys/{id}/revoke":             {"revokeKey"},
	"GET /hooks":                         {"listHooks"},
	"POST /hooks":                        {"addHook"},
	"GET /hooks/{id}":                    {"listDeliveries"},
	"POST /hooks/{id}/end":               {"endHook"},
	"POST /hooks/{id}/rotate":            {"rotateHook"},
	"POST /hooks/{id}/replay/{delivery}": {"replayHook"},
	"GET /health":                        {"getHealth", "listViolations"},
	"GET /reports":                       {"getAgeing"},
	"GET /reports/{report}":              {"getAgeing", "getRun", "getPromises", "getSteps", "getRecovery", "export_reports"},
	"GET /cases":                         {"listCases", "countCases", "export_cases"},
	"POST /cases/bulk/preview":           {"previewBulk"},
	"POST /cases/bulk":                   {"runBulk"},
	"POST /cases/bulk/undo/{batch}":      {"undoBulk"},
	"GET /messages":                      {"listContacts", "countContacts", "export_messages"},
	"GET /messages/one":                  {"getContact", "getContactText"},
	"GET /switches":                      {"listSwitches", "listPastSwitches", "getRestores"},
	"POST /switches/restored":            {"endRestore"},
	"POST /switches":                     {"switchOn"},
	"POST /switches/off":                 {"switchOff"},
	"GET /releases":                      {"listReleases", "listActivations"},
	"GET /releases/{version}":            {"listChanges"},
	"POST /releases/{version}/activate":  {"activateRelease"},
	"GET /sequences":                     {"listSequences"},
	"GET /sequences/{id}":                {"getSequence"},
	"GET /templates":                     {"listTemplates"},
	"GET /templates/one":                 {"previewTemplate", "previewMessage"},
	"GET /imports":                       {"listImports"},
	"GET /imports/{id}":                  {"listRejects", "export_imports"},
	"GET /inbox":                         {"listInbox", "listWork"},
	"POST /inbox/replay":                 {"replayInbox"},
	"GET /review":                        {"listReview", "listProposals", "listGoneBack", "getFourEyes"},
	"GET /review/back/{id}":              {"listGoneBack"},
	"POST /review/back/{id}":             {"lookAtGoneBack"},
	"GET /proposals":                     {"listProposals"},
	"GET /proposals/{id}":                {"getProposal"},
	"GET /proposals/{id}/message":        {"getProposal", "previewTemplate"},
	"POST /proposals/{id}/approve":       {"approveProposal"},
	"POST /proposals/{id}/reject":        {"rejectProposal"},
	"POST /proposals/{id}/withdraw":      {"withdrawProposal"},
	"POST /proposals/{id}/anew":          {"renewProposal"},
	"POST /propose":                      {"makeProposal"},
	"POST /propose/check":                {"checkConfiguration"},
	"POST /four-eyes/on":                 {"requireFourEyes"},
	"POST /four-eyes/ask":                {"askFourEyesOff"},
	"POST /four-eyes/agree":              {"agreeFourEyesOff"},
	"GET /decisions":                     {"listAllDecisions", "listDecisions", "export_decisions"},
	"GET /decisions/{id}":                {"getDecision"},
	"GET /decisions/{id}/again":          {"decideAgain"},
	"GET /violations":                    {"listAllFindings", "countFindings", "export_violations"},
	"POST /violations/sweep":             {"sweepLedger"},
	"GET /violations/{id}":               {"getFinding"},
	"POST /violations/{id}":              {"stepFinding"},
	"GET /integrity":                     {"getIntegrity"},
	"POST /integrity/verify":             {"verifyChain"},
	"GET /simulator":                     {"simulate"},
	"GET /frequency":                     {"listFrequent", "export_frequency"},
	"GET /frequency/{id}":                {"getFrequency"},
	"GET /consents":                      {"listConsents", "export_consents"},
	"GET /cases/{id}/evidence":           {"getEvidence"},
	"GET /policy":                        {"listRules", "export_policy", "checkContacts"},
	"GET /audit":                         {"listAudit", "export_audit"},
	"GET /day":                           {"listWork", "listQueues"},
	"GET /numbers":                       {"getNumbers"},
	"GET /cases/{id}":                    {"getCase", "listTimeline", "getLights"},
	"GET /cases/{id}/message/preview":    {"previewMessage"},
	"POST /cases/{id}/call":              {"log_contact_on_case", "mark_point_on_case", "write_note_on_case"},
	"POST /cases/{id}/task":              {"finish_task_on_case"},
	"POST /cases/{id}/promise":           {"make_promise_on_case"},
	"GET /cases/{id}/promise/try":        {"tryCommand"},
	"POST /cases/{id}/plan":              {"agree_plan_on_case"},
	"GET /cases/{id}/plan/try":           {"tryCommand"},
	"POST /cases/{id}/plan/cancel":       {"cancel_plan_on_case"},
	"POST /cases/{id}/offer/decline":     {"decline_offer_on_case"},
	"POST /cases/{id}/dispute":           {"raise_dispute_on_case"},
	"GET /cases/{id}/dispute/try":        {"tryCommand"},
	"POST /cases/{id}/dispute/resolve":   {"resolve_dispute_on_case"},
	"POST /cases/{id}/hold":              {"place_hold_on_case"},
	"GET /cases/{id}/hold/try":           {"tryCommand"},
	"POST /cases/{id}/hold/lift":         {"lift_hold_on_case"},
	"POST /cases/{id}/take":              {"take_lease_on_case"},
	"POST /cases/{id}/back":              {"hand_back_on_case"},
	"POST /cases/{id}/note":              {"write_note_on_case"},
	"POST /cases/{id}/message":           {"send_message_on_case"},
	"POST /cases/{id}/payment":           {"record_payment_on_case"},
	"GET /cases/{id}/payment/try":        {"tryCommand"},
	"POST /cases/{id}/optout":            {"opt_out_on_case"},
	"POST /cases/{id}/callback":          {"set_callback_on_case", "state_wish_on_case"},
	"GET /cases/{id}/callback/try":       {"tryCommand"},
	"POST /cases/{id}/callback/move":     {"move_callback_on_case"},
	"GET /cases/{id}/callback/move/try":  {"tryCommand"},
	"POST /cases/{id}/callback/cancel":   {"cancel_callback_on_case"},

	"POST /cases/{id}/promise/withdraw":    {"withdraw_promise_on_case"},
	"POST /cases/{id}/migration/cancel":    {"cancel_migration_on_case"},
	"POST /cases/{id}/settlement":          {"offer_settlement_on_case"},
	"GET /cases/{id}/settlement/try":       {"tryCommand"},
	"POST /cases/{id}/settlement/accept":   {"accept_settlement_on_case"},
	"POST /cases/{id}/settlement/decline":  {"decline_settlement_on_case"},
	"POST /cases/{id}/settlement/withdraw": {"withdraw_settlement_on_case"},
	"POST /cases/{id}/handover":            {"hand_over_on_case"},
	"POST /cases/{id}/note/pin":            {"pin_note_on_case"},
	"POST /cases/{id}/note/unpin":          {"unpin_note_on_case"},
	"POST /cases/{id}/note/seen":           {"dismiss_mention_on_case"},
}

func init() {
	for pattern, ops := range map[string][]string{
		"GET /samples": {"listSamples"}, "GET /samples/new": {"previewSample"}, "GET /samples/preview": {"previewSample"}, "POST /samples": {"drawSample"}, "GET /samples/{id}": {"getSample"},
		"GET /samples/{id}/verify": {"verifySample"}, "GET /samples/{id}/export": {"exportSample"}, "GET /samples/{id}/{n}": {"getSample", "getDecision", "getContactText"},
		"POST /samples/{id}/{n}": {"answerSample"}, "POST /samples/{id}/rounds": {"correctSample"},
	} {
		apiOf[pattern] = ops
	}
	noAPI["POST /samples/{id}/sign"] = "a person who signed in answers for it with their name; a program cannot"
}

// noAPI are routes that a program has no use for, each with the reason.
var noAPI = map[string]string{
	"GET /login":                           "people sign in; programs have keys",
	"POST /login":                          "people sign in; programs have keys",
	"GET /login/oidc":                      "people sign in; programs have keys",
	"GET /login/oidc/callback":             "people sign in; programs have keys",
	"POST /logout":                         "a key has no session: it is revoked",
	"GET /propose":                         "the editor of what makeProposal takes",
	"POST /propose/upload":                 "opens a ZIP in the editor; programs send files to makeProposal",
	"GET /{$}":                             "leads a person to where their work begins",
	"GET /day/next":                        "leads a person to the next row of a list that listWork gives",
	"GET /profile":                         "a person's own settings; a key has none (me says what it is)",
	"POST /profile/settings":               "how a person's pages look",
	"POST /profile/time":                   "how a person's pages show instants",
	"POST /profile/password":               "only a person knows their password",
	"POST /profile/sessions/{session}/end": "a person's own browsers; admins have signOutUser",
	"POST /profile/sessions/end":           "a person's own browsers; admins have signOutUser",
}

// owed are the pages (beginnings of paths) that are being built, and by whom; it must be
// empty when they are done.
var owed = map[string]string{}

func isOwed(pattern string) bool {
	_, path, _ := strings.Cut(pattern, " ")
	for begins := range owed {
		if strings.HasPrefix(path, begins) {
			return true
		}
	}
	return false
}

// TestEverythingInTheConsoleIsInTheAPI walks the routes of the console: each has operations
// that do the same, or a written reason.
func TestEverythingInTheConsoleIsInTheAPI(t *testing.T) {
	d := newDesk(t)
	ops := map[string]bool{}
	for _, op := range d.console.api.Operations() {
		ops[op.ID] = true
	}
	there := map[string]bool{}
	for _, r := range d.console.Web().Routes() {
		there[r.Pattern] = true
		same, why := apiOf[r.Pattern], noAPI[r.Pattern]
		if len(same) == 0 && why == "" && !isOwed(r.Pattern) {
			t.Errorf("%s has no operation in the API: add one, and name it in apiOf", r.Pattern)
		}
		for _, id := range same {
			if !ops[id] {
				t.Errorf("%s: there is no operation %s", r.Pattern, id)
			}
		}
	}
	for pattern := range noAPI {
		if !there[pattern] {
			t.Errorf("%s is no route any more", pattern)
		}
	}
	for pattern := range apiOf {
		if !there[pattern] {
			t.Errorf("%s is no route any more", pattern)
		}
	}
}
