"""The ledger of goods."""
