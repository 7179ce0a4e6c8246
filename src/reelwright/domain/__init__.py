"""Pure nouns and rules: no clock, no randomness, no I/O, no framework."""
