"""Django's place for the commands of an application."""
