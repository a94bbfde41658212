"""Every task next to its peers, with the same MiniLM weights."""
