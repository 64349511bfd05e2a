// Package answers reads what debtors write back: a text in, intents out, each
// with a confidence, the words that led to it and a plain sentence.
//
// It owns the words: keywords of carriers, phrases in English, German, Spanish
// and French (rules/*.txt), dates and amounts in them, and what of an email is
// quoted, signed or sent by a machine. It is deterministic and needs time
// linear in the text, whoever wrote it. It does not own what an answer leads
// to (package dunning: TakeReply), who the sender is, or where the text is
// kept. It imports the standard library only, reads no clock and logs nothing.
//
// Where a reading is in doubt whether somebody wants no more messages, it is
// read as if they did: a message too few harms nobody.
package answers
