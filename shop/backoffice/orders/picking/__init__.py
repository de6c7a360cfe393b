"""What to take from the shelf for a delivery window, and packing it order by order."""
