"""Every task beside its peers, with the same MiniLM weights."""
