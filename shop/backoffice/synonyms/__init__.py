"""Words that mean the same, and what was searched in vain."""
