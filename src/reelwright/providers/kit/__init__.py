"""What an adapter is made of: whose account it is, its cards, the pictures that it sends, and how a JSON API is asked."""

from reelwright.providers.kit.account import Account
from reelwright.providers.kit.api import Api, Row, plain
from reelwright.providers.kit.cards import card_toml, load_cards
from reelwright.providers.kit.pictures import Picture, picture_for
from reelwright.providers.kit.vendor import Vendor, pasted

__all__ = ["Account", "Api", "Picture", "Row", "Vendor", "card_toml", "load_cards", "pasted", "picture_for", "plain"]
