package importer

import (
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// namespace of the ids that are derived from content. It never changes: the
// same contact point must keep its id in every file and release.
var namespace = uuid.MustParse("6f9f3a5e-4f0e-4d0b-9d55-6d756c790001")

// PointID is the id of a contact point of a creditor's debtor, who is named by the
// creditor's own key. It is opaque and follows from what the point is, so that the same
// point in another file is the same point.
func PointID(creditor, debtor, channel, value string) string {
	return uuid.NewSHA1(namespace, []byte(join(creditor, debtor, channel, strings.ToLower(value)))).String()
}

var escape = strings.NewReplacer("%", "%25", "/", "%2F")

// join makes one key of several, each of which may hold anything.
func join(parts ...string) string {
	for i, p := range parts {
		if strings.ContainsAny(p, "%/") {
			parts[i] = escape.Replace(p)
		}
	}
	return strings.Join(parts, "/")
}

var zoneNames sync.Map // name → bool

// knownZone remembers the answer: the zone database is read once a name, not once a row.
func knownZone(name string) bool {
	if v, ok := zoneNames.Load(name); ok {
		return v.(bool)
	}
	_, err := time.LoadLocation(name)
	ok := err == nil && name != "Local"
	if len(name) < 64 {
		zoneNames.Store(name, ok)
	}
	return ok
}
