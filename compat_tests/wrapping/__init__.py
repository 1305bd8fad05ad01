"""An application whose ``runserver`` wraps that of the next, as whitenoise's does."""
