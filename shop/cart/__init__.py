"""The basket, of guests and of members, and what it comes to."""
