"""The servers that are compared, each with a channel layer and its broker, as processes."""
