module example.com/broken

go 1.26.0

require (
	example.com/helper v0.0.0
	go.temporal.io/server v0.0.0
	pgregory.net/rapid v0.0.0
)

replace (
	example.com/helper => ./stubs/helper
	go.temporal.io/server => ./stubs/server
	pgregory.net/rapid => ./stubs/rapid
)
