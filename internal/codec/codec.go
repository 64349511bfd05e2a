package codec

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// What an encrypted payload says about itself. Names and the value of the
// encoding are those of Temporal's own samples, so that its tools know them.
const (
	metaEncoding = converter.MetadataEncoding
	metaKeyID    = "encryption-key-id"
	metaFormat   = "encryption-format"

	encodingEncrypted = "binary/encrypted"
	formatV1          = "1"
)

var (
	// ErrUnknownKey says that a payload names a key that the ring lacks: put
	// the retired key back behind the newest one.
	ErrUnknownKey = errors.New("payload was encrypted with a key that is not in " + EnvKeys)
	// ErrTampered says that a payload does not open under the key it names:
	// it was changed on its way, or another key has the same id.
	ErrTampered = errors.New("payload does not open under the key that it names")
	// ErrFormat says that a payload is of a format this release cannot read.
	ErrFormat = errors.New("payload has an encryption format that this release does not know")
)

// New is the payload codec over a ring: it encrypts with the newest key,
// decrypts with any, and leaves payloads of other encodings as they are (they
// were written before encryption was on, or by Temporal itself).
func New(keys Keys) converter.PayloadCodec { return &payloadCodec{keys} }

// DataConverter is the SDK's default converter with every payload encrypted.
func DataConverter(keys Keys) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), New(keys))
}

// FailureConverter keeps messages and stack traces of errors inside encrypted
// payloads of dc too; without it they are plain text in every history.
func FailureConverter(dc converter.DataConverter) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          dc,
		EncodeCommonAttributes: true,
	})
}

type payloadCodec struct{ keys Keys }

// Encode implements converter.PayloadCodec.
func (c *payloadCodec) Encode(in []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(in, c.seal)
}

// Decode implements converter.PayloadCodec.
func (c *payloadCodec) Decode(in []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(in, c.open)
}

func each(in []*commonpb.Payload, f func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(in))
	for i, p := range in {
		var err error
		if out[i], err = f(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *payloadCodec) seal(p *commonpb.Payload) (*commonpb.Payload, error) {
	id := c.keys.Newest()
	if id == "" {
		return nil, ErrNoKeys
	}
	plain, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("payload cannot be marshalled for encryption: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			metaEncoding: []byte(encodingEncrypted),
			metaKeyID:    []byte(id),
			metaFormat:   []byte(formatV1),
		},
		Data: c.keys.aead[id].Seal(nil, nil, plain, bound(formatV1, id)),
	}, nil
}

func (c *payloadCodec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[metaEncoding]) != encodingEncrypted {
		return p, nil
	}
	if format := string(p.GetMetadata()[metaFormat]); format != formatV1 {
		return nil, fmt.Errorf("%w: %.16q", ErrFormat, format)
	}
	id := string(p.GetMetadata()[metaKeyID])
	aead, known := c.keys.aead[id]
	if !known {
		return nil, fmt.Errorf("%w: %.64q", ErrUnknownKey, id)
	}
	plain, err := aead.Open(nil, nil, p.GetData(), bound(formatV1, id))
	if err != nil {
		return nil, fmt.Errorf("%w: %.64q", ErrTampered, id)
	}
	out := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, out); err != nil {
		return nil, fmt.Errorf("decrypted payload is not a payload: %w", err)
	}
	return out, nil
}

// bound is the additional data. Ids hold no NUL, so the parts cannot run into
// one another.
func bound(format, id string) []byte {
	return []byte("duly-codec\x00" + format + "\x00" + id)
}
