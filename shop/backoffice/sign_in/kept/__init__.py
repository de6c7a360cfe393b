"""What was typed before somebody had to sign in first."""
