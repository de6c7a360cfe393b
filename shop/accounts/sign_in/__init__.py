"""How a customer comes in: password, second factor, a new session."""
