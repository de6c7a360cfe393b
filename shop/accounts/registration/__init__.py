"""How somebody becomes a customer: registration, the mail, activation."""
