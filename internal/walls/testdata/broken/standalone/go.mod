module example.com/broken/standalone

go 1.26.0
