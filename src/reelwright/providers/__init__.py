"""One file or folder a vendor, found by entry point. What all of them are made of lies in `kit`, for adapters of your own too."""

from reelwright.providers.kit import Account, Vendor, card_toml, load_cards

__all__ = ["Account", "Vendor", "card_toml", "load_cards"]
