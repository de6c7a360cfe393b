"""Orders as the staff work on them: the open queue, one order and its steps, picking and packing."""
