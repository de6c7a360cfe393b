"""The back office: what staff run the shop with."""
