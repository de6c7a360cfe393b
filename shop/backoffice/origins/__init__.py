"""Where goods come from: the places that sizes name and lists filter by."""
