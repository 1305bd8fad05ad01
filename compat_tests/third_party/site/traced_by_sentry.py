"""Sentry's integration of gRPC, as a project's settings switch it on; nothing is sent."""

import sentry_sdk
from sentry_sdk.integrations.grpc import GRPCIntegration

sentry_sdk.init(
    traces_sample_rate=1.0,
    integrations=[GRPCIntegration()],
    # The others take seconds in each process.
    auto_enabling_integrations=False,
    default_integrations=False,
)
