#!/bin/sh
# Registers Duly's namespace and its two search attributes. Neither attribute
# says anything about a person. Running it again changes nothing.
set -eu

temporal operator cluster health
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
	temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

attribute() {
	temporal operator search-attribute list -n "$TEMPORAL_NAMESPACE" | grep -qw "$1" ||
		temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

attribute DulyPhase Keyword
attribute DulyNextAt Datetime
