"""Customers of another shop, brought along with their passwords."""
