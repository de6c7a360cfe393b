"""Classes of tax: made, changed, retired."""
