"""Reviews, read before others see them."""
