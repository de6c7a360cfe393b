"""Who the customer is: registration, signing in, addresses, sessions, security."""
