"""One folder a method. Nothing is imported here; see `registered` for all of them."""
