"""Where the shop brings goods, what that costs, and when."""
