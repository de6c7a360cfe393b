"""The home page and the shop's own pages, written and put in order by those who work here."""
