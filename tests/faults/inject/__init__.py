"""What is done to the shop, by what it is done to; each is `async with inject(shop, crowd, chance)`: made, held, ended."""
