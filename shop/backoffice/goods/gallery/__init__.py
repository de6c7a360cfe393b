"""The pictures of a product: added, described, put in order, removed."""
