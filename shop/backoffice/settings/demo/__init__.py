"""The end of the demo: its goods, customers and orders go, so that a real shop can begin."""
