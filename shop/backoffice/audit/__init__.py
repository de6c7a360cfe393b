"""The log of what staff did: only added to, each entry holding the hash of the one before."""
