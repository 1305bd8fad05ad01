"""OpenTelemetry's instrumentation of gRPC, as a project's settings switch it on."""

from opentelemetry.instrumentation.grpc import (
    GrpcAioInstrumentorClient,
    GrpcAioInstrumentorServer,
    GrpcInstrumentorClient,
    GrpcInstrumentorServer,
)

GrpcAioInstrumentorClient().instrument()
GrpcAioInstrumentorServer().instrument()
GrpcInstrumentorClient().instrument()
GrpcInstrumentorServer().instrument()
