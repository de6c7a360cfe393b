"""Where the shop delivers, for how much, when, and for how many."""
