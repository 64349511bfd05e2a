# syntax=docker/dockerfile:1
# One small static image per program:  docker build --target worker .
# The programs need no libc, shell or zone files: zones are compiled in.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN mkdir -p /out/tmp /out/letters && \
    go build -tags timetzdata -trimpath -ldflags '-s -w' -o /out/ ./worker ./starter ./console ./cmd/duly && \
    chmod 1777 /out/tmp

FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/tmp /tmp
# No user database in the image: a number, the one distroless calls nonroot.
USER 65532:65532
WORKDIR /

FROM base AS worker
COPY --from=build /out/worker /worker
# A volume mounted here takes its owner over.
COPY --from=build --chown=65532:65532 /out/letters /letters
ENTRYPOINT ["/worker"]

FROM base AS starter
COPY --from=build /out/starter /starter
ENTRYPOINT ["/starter"]

FROM base AS console
COPY --from=build /out/console /console
EXPOSE 8080
ENTRYPOINT ["/console"]

FROM base AS duly
COPY --from=build /out/duly /duly
ENTRYPOINT ["/duly"]
