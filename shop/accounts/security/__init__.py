"""What keeps an account its owner's: password, e-mail, second factor, and the record of what happened."""
