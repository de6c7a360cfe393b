"""Goods that customers want to give back."""
