"""The open queue, as it changes."""
