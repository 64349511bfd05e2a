// Command standalone measures by itself.
package main

import "time"

func main() {
	var began time.Time
	// Only internal/clock may do this.
	println(time.Since(began))
}
