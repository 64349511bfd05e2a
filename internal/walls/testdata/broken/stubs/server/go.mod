module go.temporal.io/server

go 1.26.0
