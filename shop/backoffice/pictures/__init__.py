"""Pictures that staff add: on a product, on a block of the home page, inside a text."""
