"""What the shop is called, how it looks, where it is reached, and who its mails come from."""
