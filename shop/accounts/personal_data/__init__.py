"""What the shop knows about a customer, to take away or to have forgotten: each feature answers for its own part."""
