"""One served studio for the tests of a file, and people who ask it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from serving import House, served


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A studio that is served and works."""
    with served(tmp_path_factory.mktemp("home")) as house:
        yield house


@pytest.fixture(scope="module")
def ann(house: House) -> Iterator[httpx2.Client]:
    """A member."""
    with house.client("ann") as client:
        yield client


@pytest.fixture(scope="module")
def bob(house: House) -> Iterator[httpx2.Client]:
    """Another member, who must never see what is Ann's."""
    with house.client("bob") as client:
        yield client


@pytest.fixture(scope="module")
def owner(house: House) -> Iterator[httpx2.Client]:
    """Whose studio it is."""
    with house.client("owner") as client:
        yield client
