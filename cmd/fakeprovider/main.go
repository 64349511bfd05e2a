// Command fakeprovider plays Twilio and SendGrid on this machine, for trying
// Duly out without accounts there. It delivers nothing.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8025", "address to listen on")
	faults := flag.Int("faults", 0, "percent of the calls that fail, in every way a provider can")
	seed := flag.Uint64("seed", 1, "which calls fail; the same seed fails the same ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log.Printf("set TWILIO_BASE_URL and SENDGRID_BASE_URL to http://%s; what was taken: /_fake/summary, /_fake/log", *addr)
	o := fakeprovider.Options{Now: clock.Wall, TrustDate: true, Faults: fakeprovider.Rate(*seed, *faults, fakeprovider.AllKinds()...)}
	if err := fakeprovider.Serve(ctx, *addr, o); err != nil {
		log.Fatal(err)
	}
}
