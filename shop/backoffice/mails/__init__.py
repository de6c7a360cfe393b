"""The mail room: every mail with its state, what it says, and another try for those that were given up."""
