// Placeholder until `weir generate` writes it.
