"""Who takes the money: one file a provider, all behind one Protocol."""
