"""Which tax is contained in the prices of goods."""
