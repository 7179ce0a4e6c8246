"""Where a vendor is, and who pays there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from reelwright.errors import KeyRefused
from reelwright.net.guard import origin_of, parse
from reelwright.ports import Workshop


@dataclass(frozen=True)
class Account:
    """Where a vendor is and who pays there, read from the environment at each use."""

    vendor: str
    """For people: `Runway`."""
    workshop: Workshop
    key_names: Sequence[str]
    """The vendor's own variables, the first that is set wins."""
    base_name: str
    base_url: str
    """Where the vendor is unless the variable `base_name` says otherwise."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a key."""
        return bool(self._key())

    @property
    def key(self) -> str:
        """The key.

        Raises:
            KeyRefused: there is none.
        """
        key = self._key()
        if not key:
            msg = f"{self.vendor} has no key: set {self.key_names[0]}, or run `reelwright keys set {self.key_names[0]}`."
            raise KeyRefused(msg)
        return key

    def _key(self) -> str:
        environment = self.workshop.environment
        return next((environment[name].strip() for name in self.key_names if environment.get(name, "").strip()), "")

    @property
    def base(self) -> str:
        """The API's base URL, without a slash at its end."""
        return (self.workshop.environment.get(self.base_name, "").strip() or self.base_url).rstrip("/")

    @property
    def fingerprint(self) -> str:
        """What tells this key from another one and gives nothing of it away: `Provider.account`."""
        key = self._key()
        return hashlib.sha256(f"reelwright account {key}".encode()).hexdigest()[:12] if key else ""

    @property
    def origins(self) -> frozenset[str]:
        """The API's own origin, which the operator has named: it may be in a private network."""
        return frozenset({origin_of(parse(self.base))})

    @property
    def is_elsewhere(self) -> bool:
        """Whether the operator has put another address in the vendor's place."""
        return self.base != self.base_url

    @property
    def trusted_origins(self) -> frozenset[str]:
        """That other address, and nothing where the vendor is at its own: then its outputs have public URLs."""
        return self.origins if self.is_elsewhere else frozenset()
