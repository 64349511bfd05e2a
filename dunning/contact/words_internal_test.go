package contact

import "testing"

// TestWords: the switches of the hot path and the tables that packs are
// checked against know the same words.
func TestWords(t *testing.T) {
	for _, w := range outcomeWords {
		if outcomeBit(w.word) != w.bit {
			t.Errorf("outcome %s: bit %b, table %b", w.word, outcomeBit(w.word), w.bit)
		}
	}
	for _, w := range channelWords[:10] {
		if channelBit(w.word) != w.mask {
			t.Errorf("channel %s: bit %b, table %b", w.word, channelBit(w.word), w.mask)
		}
	}
	if outcomeBit("never heard of") != outUnknown || channelBit("fax") != 0 || channelBit("voice") != 0 {
		t.Error("a word that is none must stay unknown, and a group is no channel")
	}
}
