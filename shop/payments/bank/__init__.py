"""The sandbox bank: a small bank of our own for development and tests, on another origin, with a ledger of its own."""
