"""What concerns the whole shop: whether it takes orders, and who is told of them."""
