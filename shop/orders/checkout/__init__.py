"""From a basket to an order on one page."""
