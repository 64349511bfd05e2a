// Package sampling draws samples of what Duly and its people did, so that a reviewer reads
// some of it and an outsider can prove afterwards that nobody chose which: the same
// population, seed and method give the same sample, on any machine, by SHA-256 alone.
//
// It owns the way a sample is drawn ([Draw]), what makes a row risky ([Weigh]), the
// checklists, the digests of populations and of answers, the file that is verified offline
// ([Verify]), and the service that draws, answers and signs off within the rights of who asks.
// It owns no SQL: populations come from a [Store]. It judges no contact: the reviewer does.
//
// # How a sample is drawn
//
// A population is a list of lines "id TAB weight TAB risks LF", ordered by id, byte by byte;
// its digest is the SHA-256 of that text. A row of weight w holds the tickets 1 … w. A ticket's
// key is SHA-256 of "seed|stage|id|ticket", and a row's key is the smallest of its tickets'.
// The rows with the smallest keys are the sample, in that order. In the stage "random" every
// row holds one ticket, so each is as likely as any other. In the stage "risk" the smallest of
// w keys is as that of w rows: the order is exactly that of drawing one row after another
// without putting it back, each with a chance in proportion to its weight (Efraimidis and
// Spirakis, "Weighted random sampling with a reservoir", 2006), with whole numbers only. The
// method "both" draws half of the size at random, rounded up, and the others by risk out of
// what is left. A key is checked by hand with
//
//	printf '%s' 'SEED|risk|ID|1' | sha256sum
package sampling
