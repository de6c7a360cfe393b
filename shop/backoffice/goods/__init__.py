"""Goods as staff see them: a list to work on, and an editor for one product with its sizes and pictures."""
