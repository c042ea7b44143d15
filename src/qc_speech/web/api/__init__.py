"""The HTTP API: the same data and the same permissions for programs."""
