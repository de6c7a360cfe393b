"""The mail room of development: what the shop has sent, and what it has not."""
