"""Redis as the shop uses it: expendable, never waited for, never trusted with anything that cannot be lost."""
