"""The first entry of somebody who was invited, or who forgot their password and was sent a new link."""
