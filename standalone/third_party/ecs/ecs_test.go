package ecs

import (
	"context"
	"errors"
	"testing"
)

// Every call must fail as unsupported: an answer without an error would make the
// server believe that it started workers somewhere.
func TestEveryCallRefuses(t *testing.T) {
	c := NewFromConfig(nil)
	if out, err := c.DescribeServices(context.Background(), &DescribeServicesInput{}); out != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("DescribeServices = %v, %v; want no answer and ErrUnsupported", out, err)
	}
	if out, err := c.UpdateService(context.Background(), &UpdateServiceInput{}); out != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("UpdateService = %v, %v; want no answer and ErrUnsupported", out, err)
	}
}
