package browsertest

import "testing"

// TestJourneys are the ways of compliance and operations, and what the keyboard does on every
// page, over the site with everything in it.
func TestJourneys(t *testing.T) {
	s, b := everything(t), startChrome(t)
	for _, walk := range []struct {
		about string
		run   func(*testing.T, *site, *chrome)
	}{
		{"a decision is re-evaluated and packed", aDecisionIsReEvaluatedAndPacked},
		{"a sweep finds the text at night", aSweepFindsTheTextAtNight},
		{"frequency shows the limit", frequencyShowsTheLimit},
		{"consents are filtered, looks are in the audit", consentsAreFilteredAndLooksAreAudited},
		{"tiles of health lead to the rows", healthLeadsToTheRows},
		{"a view is saved and comes back", aViewIsSavedAndShared},
		{"rejected rows say how to mend them", rejectsSayHowToMend},
		{"a live list keeps the row", aLiveListKeepsTheRow},
		{"the command menu finds", theCommandMenuFinds},
		{"help lists the keys, and letters go off", helpListsTheKeys},
		{"Esc closes from the top", escapeClosesFromTheTop},
		{"times turn, ids are copied", timesTurnAndIdsAreCopied},
		{"the story's events have their ids", theStorysEventsHaveTheirIDs},
		{"everything is reached by Tab", everythingIsReachedByTab},
		{"still and stark", stillAndStark},
		{"z undoes once", zUndoesOnce},
		{"b is about the chosen, g about pages only", keysMeanOneThing},
	} {
		t.Run(walk.about, func(t *testing.T) { walk.run(t, s, b) })
	}
}
