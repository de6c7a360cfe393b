"""Who is signed in, and where: the authority that every copy of a session only repeats."""
