"""Orders: placed once, told as a story, never lost."""
