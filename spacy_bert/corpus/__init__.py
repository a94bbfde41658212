"""Files -> documents -> sentences."""
