"""The week of a zone, and the windows made from it."""
