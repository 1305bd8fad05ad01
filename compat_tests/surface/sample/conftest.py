"""As a project has it."""

pytest_plugins = ["channels_bridge.testing.pytest_plugin"]
