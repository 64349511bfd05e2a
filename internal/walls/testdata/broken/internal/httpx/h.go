// Package httpx is a leaf that knows the configuration.
package httpx

import _ "example.com/broken/config"
