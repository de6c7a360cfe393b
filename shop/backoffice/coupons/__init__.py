"""Coupons, as staff make and stop them."""
