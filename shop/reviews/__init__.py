"""What buyers say about goods they were brought."""
