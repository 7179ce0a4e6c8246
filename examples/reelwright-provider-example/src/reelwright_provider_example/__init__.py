"""A provider for Reelwright in a package of its own.

`adapter` is the provider, `cards.toml` says what its models can do and cost, `vendor` is the service that it talks to.
"""
