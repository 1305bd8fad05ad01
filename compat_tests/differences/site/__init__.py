"""A Django project that serves the application of every scenario."""
