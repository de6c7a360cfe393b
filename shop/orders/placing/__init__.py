"""How baskets become orders."""
