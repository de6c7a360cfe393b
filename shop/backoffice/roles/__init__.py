"""What each kind of staff may do."""
