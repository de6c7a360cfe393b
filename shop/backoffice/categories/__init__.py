"""The tree of categories: branches added, named, moved, shown and hidden."""
