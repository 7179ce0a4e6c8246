"""Which addresses may be dialled.

A URL's host name proves nothing: it may be an address in disguise, or a name that resolves to something else at the second look
(DNS rebinding). So the check sits where the socket is made, with the address that is really about to be dialled: it holds for
every redirect, every retry and every one of several addresses.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

from yarl import URL

from reelwright.errors import AddressRefused

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_METADATA_OF_CLOUDS = frozenset({IPv6Address("fd00:ec2::254"), IPv4Address("100.100.100.200")})

AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]


class Reach(Enum):
    """How far a connection may go."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Also this machine and the local network, but never the addresses where clouds hand out credentials."""
    ANY = "any"
    """Wherever a trusted origin's name leads."""


def is_allowed(address: str, reach: Reach) -> bool:
    """Whether an IP address may be dialled. Addresses wrapped into IPv6 are judged by what is inside."""
    if reach is Reach.ANY:
        return True
    ip = _unwrapped(ip_address(address.partition("%")[0]))
    if ip.is_multicast or ip.is_unspecified or ip in _METADATA_OF_CLOUDS:
        return False
    if reach is Reach.PRIVATE:
        return not ip.is_link_local
    return ip.is_global and not ip.is_reserved


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if any(ip in network for network in _NAT64):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo[1] if ip.teredo else None
    return ip.ipv4_mapped or ip.sixtofour or teredo or ip


def sockets(reach: Reach) -> Callable[[AddressInfo], socket.socket]:
    """A socket factory that refuses to make a socket for an address out of reach."""

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_allowed(address[0], reach):
            message = f"The URL leads to {address[0]}, which is not a public address."
            raise AddressRefused(message)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        return made

    return make


def parse(url: str) -> URL:
    """The URL exactly as given: a signature covers every percent sign of it.

    Raises:
        AddressRefused: it is no absolute URL.
    """
    try:
        parsed = URL(url, encoded=url.isascii() and " " not in url)
        if parsed.absolute and parsed.host and parsed.origin():
            return parsed
    except ValueError:
        pass
    msg = "The URL is not one: it needs a scheme and a host name."
    raise AddressRefused(msg)


def origin_of(url: URL) -> str:
    """`scheme://host:port`, the port left out where it is the scheme's own."""
    return str(url.origin())
