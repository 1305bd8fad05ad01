"""Sentry as its documentation sets it up for Django, with a server of the test's own."""

import json
import os

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration

sentry_sdk.init(
    # Others that are found in this environment take seconds in each process.
    auto_enabling_integrations=False,
    integrations=[DjangoIntegration()],
    **json.loads(os.environ["THIRD_PARTY_SENTRY"]),
)
