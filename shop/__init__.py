"""Bayberry, an online shop for fresh groceries."""
