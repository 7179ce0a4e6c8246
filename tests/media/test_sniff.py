"""What bytes are, by their first ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reelwright.media.sniff import HEAD_BYTES, kind_of, sniff


def head_of(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(HEAD_BYTES)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "gif", "avif"])
def test_pictures_are_known_by_their_bytes(name: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, name)
    assert sniff(file.getvalue()[:HEAD_BYTES]) == f"image/{name}"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.mp4", "video/mp4"), ("a.mov", "video/quicktime"), ("a.webm", "video/webm"), ("a.mkv", "video/x-matroska")],
)
def test_clips_are_known_by_their_bytes(name: str, media_type: str, make_clip: Callable[..., str]) -> None:
    fast = {"deadline": "realtime", "cpu-used": "8"}
    webm: dict[str, Any] = {"codec": "libvpx-vp9", "options": fast} if name.endswith("webm") else {}
    assert sniff(head_of(make_clip(name, frames=3, **webm))) == media_type


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.wav", "audio/wav"),
        ("a.mp3", "audio/mpeg"),
        ("a.flac", "audio/flac"),
        ("a.ogg", "audio/ogg"),
        ("a.m4a", "audio/mp4"),
    ],
)
def test_sounds_are_known_by_their_bytes(
    name: str, media_type: str, make_sound: Callable[..., str], tone: Callable[..., Any]
) -> None:
    assert sniff(head_of(make_sound(name, tone(0.3)))) == media_type


def test_an_mp3_without_a_tag_is_known_and_a_jpeg_is_not_taken_for_one() -> None:
    assert sniff(b"\xff\xfb\x90\x00" + bytes(100)) == "audio/mpeg"
    assert sniff(b"\xff\xd8\xff\xe0" + bytes(100)) == "image/jpeg"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<!DOCTYPE html><html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?><svg>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"#!/bin/sh",
        b"MZ\x90\x00",
        b"\x7fELF",
        b'{"error": "expired"}',
        b"RIFF\x00\x00\x00\x00AVI LIST",
    ],
)
def test_documents_programs_and_other_containers_are_nothing(head: bytes) -> None:
    assert sniff(head + bytes(64)) is None


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer_from_the_closed_list(head: bytes) -> None:
    answer = sniff(head)
    assert answer is None or kind_of(answer) in ("image", "video", "audio")
