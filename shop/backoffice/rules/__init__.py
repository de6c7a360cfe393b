"""Cart rules, as staff make and stop them."""
