"""Pages of the shop's own words."""
