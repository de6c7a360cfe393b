"""The sizes of a product: what is put into a basket."""
