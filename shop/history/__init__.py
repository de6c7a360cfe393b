"""What a member looked at lately: twenty products, newest first, in Redis, where they may be lost."""
