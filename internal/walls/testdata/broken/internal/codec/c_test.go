package codec

import _ "go.temporal.io/server/temporal"
