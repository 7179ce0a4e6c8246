"""Files that are written whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reelwright.media.files import new_file, sha256_of


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with new_file(target) as file:
        file.write(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert sha256_of(target) == hashlib.sha256(b"whole").hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_one_that_breaks_leaves_what_was_there_before(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), new_file(target) as file:
        file.write(bytes([1 // 0]))
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
