// Package cli is the command line of Duly: one file a command.
//
// It owns flags, what is printed, and exit codes: 0 is well, 1 found something
// that a person should look at, 2 a usage or an input that is wrong or a job
// that could not be done. It does not own what the commands do: they call
// package importer, config, commands, the store and the simulator.
package cli
