// Package ecs takes the place of the AWS SDK's ECS client in the standalone build.
//
// The Temporal server can launch "serverless workers" on Amazon ECS, and links
// the AWS client for it even where nobody uses that. The standalone server never
// does, and the module is large and not to be had from every Go proxy, so a
// replace directive in standalone/go.mod puts this package in its place. It has
// the shape that the server compiles against; every call answers ErrUnsupported.
//
// It owns nothing and does nothing. A real deployment (docker-compose.yml) runs
// Temporal's own image, which has the real client.
package ecs

import (
	"context"
	"errors"
	"fmt"
)

// errNotHere is what every call returns.
var errNotHere = fmt.Errorf("workers on Amazon ECS are not part of Duly standalone: use Temporal's own server for them: %w", errors.ErrUnsupported)

// Client answers every call with an error.
type Client struct{}

// Options of a call; none has an effect.
type Options struct{}

// NewFromConfig returns the refusing client, whatever the configuration.
func NewFromConfig(any, ...func(*Options)) *Client { return &Client{} }

// DescribeServicesInput names services of a cluster.
type DescribeServicesInput struct {
	Cluster  *string
	Services []string
}

// DescribeServicesOutput is never filled: DescribeServices always fails.
type DescribeServicesOutput struct {
	Services []Service
	Failures []Failure
}

// Service is a running ECS service.
type Service struct{ Status *string }

// Failure is why a service could not be described.
type Failure struct{ Reason *string }

// UpdateServiceInput asks for another number of tasks.
type UpdateServiceInput struct {
	Cluster, Service *string
	DesiredCount     *int32
}

// UpdateServiceOutput is never filled: UpdateService always fails.
type UpdateServiceOutput struct{}

// DescribeServices always fails.
func (*Client) DescribeServices(context.Context, *DescribeServicesInput, ...func(*Options)) (*DescribeServicesOutput, error) {
	return nil, errNotHere
}

// UpdateService always fails.
func (*Client) UpdateService(context.Context, *UpdateServiceInput, ...func(*Options)) (*UpdateServiceOutput, error) {
	return nil, errNotHere
}
