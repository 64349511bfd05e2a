package identity

import (
	"net/url"
	"slices"
	"strings"
)

// BadHook finds what a webhook cannot be: the part ("url", "kinds") and what it should be;
// "" when it is fine.
func BadHook(address string, kinds []string) (part, want string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" || len(address) > 2000:
		return "url", "an address such as https://erp.example.com/duly, without a user and a fragment"
	case u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()):
		return "url", "https, or this machine"
	}
	for _, k := range kinds {
		if !slices.Contains(EventKinds, k) {
			return "kinds", "some of " + strings.Join(EventKinds, ", ")
		}
	}
	return "", ""
}
