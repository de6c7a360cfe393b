"""What everybody of the staff sees to themselves: their password and recovery codes."""
