package browsertest

import "testing"

// TestConsole walks one site in one browser, because both take longer to begin than any
// of the walks: the journeys, each with customers of its own. TestEveryPage has the pages.
func TestConsole(t *testing.T) {
	s, b := portfolio(t), startChrome(t)
	for _, walk := range []struct {
		about string
		run   func(*testing.T, *site, *chrome)
	}{
		{"the peek keeps the row", peekKeepsTheRow},
		{"a whole call takes six keys", aWholeCallInSixKeys},
		{"after no answer comes the next", noAnswerGoesOnToTheNext},
		{"forms show what follows", formsShowWhatFollows},
		{"a message goes out from a template", aMessageFromATemplate},
		{"a case is taken over and handed back", takeOverAndHandBack},
		{"a case is above the fold", aboveTheFold},
		{"a note is pinned and mentions somebody", aNoteIsPinnedAndMentions},
		{"a callback comes back at its time", aCallbackComesBack},
		{"a case is handed over and taken back", aCaseIsHandedOver},
		{"a settlement is approved, paid and written off", aSettlementIsApproved},
		{"a plan adds up to the cent", aPlanAddsUp},
		{"what was done last is undone by one key", oneKeyUndoes},
		{"a maker edits, a checker approves", aMakerEditsACheckerApproves},
		{"operations stop sending and go on", operationsStopAndGoOn},
		{"operations put a restored database right", operationsAfterARestore},
		{"a bulk action needs its number typed", bulkHoldNeedsTheNumber},
		{"a payment is assigned and taken back", aPaymentIsAssigned},
		{"a dead letter is tried again", aDeadLetterIsTriedAgain},
		{"a file is checked and taken in", aFileIsCheckedAndTakenIn},
		{"a sample is drawn, reviewed by keys and signed off", aSampleIsDrawnReviewedAndSigned},
		{"the simulator moves time on, one decision at a time", theSimulatorMovesTimeOn},
		{"a case moves to a newer version of its sequence", aCaseMovesToANewerVersion},
	} {
		t.Run(walk.about, func(t *testing.T) { walk.run(t, s, b) })
	}
}
