"""What the fields that the log names are called, and how their values are read."""
