package mapping

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// Parse reads one mapping from YAML and validates it. Unknown keys are
// refused. The error joins every fault. Callers that want positions and
// carets load mappings through package config.
func Parse(text []byte) (Mapping, error) {
	var m Mapping
	if err := yaml.Load(text, &m, yaml.WithKnownFields()); err != nil {
		return m, fmt.Errorf("mapping: %w", err)
	}
	var errs []error
	for _, f := range m.Validate() {
		errs = append(errs, f)
	}
	return m, errors.Join(errs...)
}
