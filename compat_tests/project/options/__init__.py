"""Options of ``websockets_server`` from the command line, the environment and the settings."""
