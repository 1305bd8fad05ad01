"""A plugin that does what pytest-django would."""

import django

django.setup()
