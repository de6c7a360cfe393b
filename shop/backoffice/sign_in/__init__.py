"""The way into the back office: a password, then a code."""
