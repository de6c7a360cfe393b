"""Another password: by choice, or because the old one is forgotten."""
