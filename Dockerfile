# syntax=docker/dockerfile:1
# One static binary in an otherwise empty image, run by a user without rights on
# a root file system that may be read-only. .ci/image checks what it holds
# without a container engine; it reads the ENV lines of this file.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/rolegate ./cmd/rolegate
RUN mkdir -m 0700 /out/data

FROM scratch
# The authorities that a PostgreSQL server's certificate may come from. Time
# zones are left out: everything inside is UTC.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/rolegate /rolegate
# A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /out/data /data

ENV ROLEGATE_DATA=/data
ENV ROLEGATE_LISTEN=0.0.0.0:8080
ENV ROLEGATE_BEHIND_PROXY=true

USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/rolegate", "healthcheck"]
ENTRYPOINT ["/rolegate"]
CMD ["serve"]
