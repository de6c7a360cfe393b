"""Where a customer's goods are delivered."""
