"""Blocks of the home page."""
