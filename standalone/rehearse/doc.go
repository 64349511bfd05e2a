// Package rehearse plays a script on a running Duly: facts, imports and people's
// doings at business instants, and the debtors that answer what they are sent.
//
// It owns the order of play. The rehearsal clock does not run past a row that is not
// done nor past a message that nobody has read (table rehearsal_script), and the player
// does not play a row while a case of the same debtor has work due; so what happens does
// not depend on how fast the machine is, and two runs of one script are the same. All it
// does goes the way of any other process: through package commands, the importer and the
// starter. A player that is killed goes on where it was: whatever it writes has an id
// that follows from the script.
//
// It decides nothing about cases and knows no personality: what a row means is given by
// its Act, who answers messages by the Audience.
package rehearse
