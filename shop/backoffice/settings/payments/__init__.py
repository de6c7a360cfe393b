"""Which ways to pay are offered, in which order, and for which totals."""
