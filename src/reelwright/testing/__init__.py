"""Real counterparts for tests, shipped so that those who write a provider or a store can use them too."""
