"""Which samples, or points of a sample, to annotate. Selectors register in `SELECTORS` and need numpy only."""
