"""One product: its texts, addresses, place and dates."""
