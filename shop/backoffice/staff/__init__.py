"""Who works here: invitations, roles, second factors, and the end of access."""
