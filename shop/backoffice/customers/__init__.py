"""Customers: who they are, what they ordered, where they are signed in, and whether they may come in."""
