"""Sealing: what must stay secret at rest, under a secret key that is not in the database.

A sealed text is `1.<key id>.<nonce and ciphertext>`, AES-256-GCM with its own name as associated data: moved into another row, or
changed by a bit, it does not open. The secret key comes from REELWRIGHT_SECRET_KEY, else from a file in the data folder.
"""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reelwright.errors import ConfigurationError
from reelwright.net.redaction import remember

FILE = "secret.key"
SETTING = "REELWRIGHT_SECRET_KEY"

_FORM = "1"
_SHORTEST = 32
"""Characters of a secret key: nobody may find it by trying."""
_NONCE = 12
_OTHERS = 0o077


@dataclass(frozen=True)
class SecretKey:
    """One secret key. Its text may be anything long enough that cannot be guessed."""

    text: str = field(repr=False)

    @cached_property
    def id(self) -> str:
        """What tells it from another one and gives nothing of it away."""
        return self._derived(b"reelwright secret key id", 8).hex()

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derived(b"reelwright keys at rest", 32))

    def _derived(self, purpose: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(self.text.encode())

    def seal(self, name: str, value: str) -> str:
        """The value, sealed as that name's."""
        nonce = secrets.token_bytes(_NONCE)
        content = nonce + self._cipher.encrypt(nonce, value.encode(), name.encode())
        return f"{_FORM}.{self.id}.{urlsafe_b64encode(content).decode()}"

    def open(self, name: str, sealed: str) -> str:
        """The value that was sealed.

        Raises:
            InvalidTag: it was sealed as another name's, or was changed.
        """
        content = urlsafe_b64decode(sealed.rpartition(".")[2])
        return self._cipher.decrypt(content[:_NONCE], content[_NONCE:], name.encode()).decode()


def key_id_of(sealed: str) -> str:
    """The id of the secret key that a text was sealed with."""
    return sealed.split(".")[1] if sealed.count(".") == 2 else ""  # noqa: PLR2004 - see the form above


class Safe:
    """The secret keys of a studio: the first one seals, each opens what it sealed. Read anew at each use."""

    def __init__(self, home: Path, setting: str) -> None:
        """Reads nothing yet.

        Args:
            home: the data folder.
            setting: REELWRIGHT_SECRET_KEY: keys by commas, the newest first; empty where it is not set.
        """
        self._file = home / FILE
        self._setting = setting

    @property
    def is_set(self) -> bool:
        """Whether the keys come from REELWRIGHT_SECRET_KEY; else they are in the file."""
        return bool(self._setting.strip())

    def keys(self) -> tuple[SecretKey, ...]:
        """All of them; those of the setting come before those of the file. None on a studio that has never sealed anything.

        Raises:
            ConfigurationError: one is too short, or the file cannot be read, or others can read it.
        """
        texts = [text.strip() for text in self._setting.split(",") if text.strip()]
        if any(len(text) < _SHORTEST for text in texts):
            msg = f"{SETTING} is too short: it needs at least {_SHORTEST} characters that nobody can guess."
            raise ConfigurationError(msg)
        texts += self._read()
        for text in texts:
            remember(text)
        return tuple(SecretKey(text) for text in texts)

    def make(self) -> SecretKey:
        """The key that seals; a new one, written to the file, where there is none. Only one process at a time may call it.

        Raises:
            ConfigurationError: as for `keys`, or the file cannot be written.
        """
        keys = self.keys()
        return keys[0] if keys else self.renew()

    def renew(self) -> SecretKey:
        """Puts a new key before those in the file, which still open what they sealed.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        fresh = SecretKey(secrets.token_urlsafe(32))
        remember(fresh.text)
        self.keep([fresh.text, *self._read()])
        return fresh

    def forget(self, but: Sequence[str]) -> None:
        """Takes the keys out of the file that have none of these ids, but never the first one."""
        texts = self._read()
        kept = texts[:1] + [text for text in texts[1:] if SecretKey(text).id in but]
        if kept != texts:
            self.keep(kept)

    def open(self, name: str, sealed: str) -> str:
        """The value that was sealed.

        Raises:
            ConfigurationError: the key that sealed it is not here, or it is not what was sealed as that name's.
        """
        wanted = key_id_of(sealed)
        keys = self.keys()
        key = next((each for each in keys if each.id == wanted), None)
        if key is None:
            raise ConfigurationError(self._told_missing(name) if not keys else _told_other(name))
        try:
            return key.open(name, sealed)
        except (InvalidTag, ValueError) as error:
            msg = f"{name} in the database is not what was sealed there: set it again with `reelwright keys set {name}`."
            raise ConfigurationError(msg) from error

    def _told_missing(self, name: str) -> str:
        return (
            f"{self._file} is missing, and {name} in the database is sealed with it: put the file back, or set {SETTING} to what "
            f"it held, or remove the key with `reelwright keys remove {name}` and set it anew."
        )

    def _read(self) -> list[str]:
        try:
            descriptor = os.open(self._file, os.O_RDONLY)
        except FileNotFoundError:
            return []
        except OSError as error:
            msg = f"{self._file} cannot be read: {error.strerror}."
            raise ConfigurationError(msg) from error
        with os.fdopen(descriptor, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & _OTHERS:
                msg = f"{self._file} can be read by others (mode {mode:o}): run `chmod 600 {self._file}`."
                raise ConfigurationError(msg)
            texts = file.read().split()
        if not texts or any(len(text) < _SHORTEST for text in texts):
            msg = f"{self._file} is not as it was written: put back the one that was there."
            raise ConfigurationError(msg)
        return texts

    def keep(self, texts: Sequence[str]) -> None:
        """Writes the file anew: whole or not at all, and for nobody else to read."""
        fresh = self._file.with_name(f".{FILE}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)  # an older one may have been left there
                file.write("".join(f"{text}\n" for text in texts))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            msg = f"{self._file} cannot be written: {error.strerror}."
            raise ConfigurationError(msg) from error


def _told_other(name: str) -> str:
    return (
        f"{name} in the database was sealed with another secret key than this studio has: put the old one behind the new one in "
        f"{SETTING} (NEW,OLD), or set the key again with `reelwright keys set {name}`."
    )
