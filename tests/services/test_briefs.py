"""Reading briefs: what is understood, and the one sentence for each that is not."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from reelwright.domain.brief import CaptionMode
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidBrief
from reelwright.media.workers import Workers
from reelwright.services.briefs import Providers, read_brief, read_picture

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def written(folder: Path, text: str | bytes, name: str = "brief.toml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(source: str | Path, **overrides: object) -> str:
    with pytest.raises(InvalidBrief) as refused:
        read_brief(source, overrides)
    return str(refused.value)


def test_a_full_brief_is_read_with_everything_in_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        product = "A lamp."
        name = "Lumen Oak"
        ratio = "720:1280"
        seconds = "1:30"
        shots = 9
        colours = ["#ABC", "navy"]
        captions = "soft"
        music = false
        pictures = ["one.png", "sub/two.jpg"]
        logo = "logo.png"
        cap = "$5"
        [providers]
        video = "runway:gen4_turbo"
        """,
    )
    order = read_brief(path, {})
    assert order.brief.name == "Lumen Oak"
    assert order.brief.ratio is AspectRatio.PORTRAIT
    assert (order.brief.seconds, order.brief.shots) == (Fraction(90), 9)
    assert order.brief.colours == ("#aabbcc", "#14264a")
    assert order.brief.captions is CaptionMode.SOFT
    assert not order.brief.has_music
    assert order.pictures == (tmp_path / "one.png", tmp_path / "sub" / "two.jpg")
    assert order.logo == tmp_path / "logo.png"
    assert order.providers == Providers(video="runway:gen4_turbo")
    assert order.cap_micro_usd == 5_000_000


def test_json_is_read_as_well(tmp_path: Path) -> None:
    order = read_brief(written(tmp_path, '{"product": "Bread", "cap": 2.5}', "brief.json"), {})
    assert (order.brief.product, order.cap_micro_usd) == ("Bread", 2_500_000)


def test_overrides_win_and_none_means_not_said(tmp_path: Path) -> None:
    path = written(tmp_path, 'product = "Bread"\nshots = 6\n[providers]\nvideo = "runway:gen4.5"\n')
    order = read_brief(path, {"shots": 3, "seconds": 12, "text": "openai:gpt-5.4-mini", "mood": None, "ratio": "square"})
    assert (order.brief.shots, order.brief.seconds, order.brief.ratio) == (3, 12, AspectRatio.SQUARE)
    assert order.providers == Providers(text="openai:gpt-5.4-mini", video="runway:gen4.5")


def test_a_path_on_the_command_line_is_relative_to_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    order = read_brief(written(tmp_path, 'product = "Bread"'), {"pictures": ["loaf.png"], "logo": Path("logo.png")})
    assert order.pictures == (tmp_path / "here" / "loaf.png",)
    assert order.logo == tmp_path / "here" / "logo.png"


@pytest.mark.parametrize(
    ("given", "seconds"), [("30", 30), ('"30s"', 30), ('"1:05"', 65), ('"2 min"', 120), ("29.97", Fraction(719, 24))]
)
def test_a_length_may_be_written_as_people_do_and_is_whole_frames(tmp_path: Path, given: str, seconds: Fraction) -> None:
    assert read_brief(written(tmp_path, f'product = "x"\nseconds = {given}'), {}).brief.seconds == seconds


@pytest.mark.parametrize(
    ("given", "ratio"),
    [
        ("16x9", "16:9"),
        ("Vertical", "9:16"),
        ("3/4", "3:4"),
        # As older systems have stored them.
        ("1280:720", "16:9"),
        ("720:1280", "9:16"),
        ("1104:832", "4:3"),
        ("832:1104", "3:4"),
        ("960:960", "1:1"),
        ("1584:672", "21:9"),
        ("1280:768", "5:3"),
        ("768x1280", "3:5"),
        # And other pixels of the same shapes.
        ("1920x1080", "16:9"),
        ("1080 × 1080", "1:1"),
        ("2112:912", "21:9"),
        ("1360:768", "16:9"),
    ],
)
def test_a_ratio_may_be_given_in_other_words(given: str, ratio: str) -> None:
    assert read_brief("Bread", {"ratio": given}).brief.ratio == ratio


def test_where_only_shots_or_only_seconds_are_said_the_other_follows() -> None:
    assert read_brief("Bread", {"shots": 60}).brief.seconds == 300
    assert read_brief("Bread", {"seconds": 5}).brief.shots == 1
    assert (read_brief("Bread", {}).brief.seconds, read_brief("Bread", {}).brief.shots) == (30, 6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "x"', "product: is missing; say in a sentence or two what the film is about."),
        ('product = " "', "product: is missing; say in a sentence or two what the film is about."),
        ('product = "x"\nshots = 0', "shots: 0 is not possible; a film has 1 to 60 shots."),
        ('product = "x"\nshots = 61', "shots: 61 is not possible; a film has 1 to 60 shots."),
        ('product = "x"\nshots = 2.5', "shots: 2.5 is not a whole number; a film has 1 to 60 shots."),
        (
            'product = "x"\nseconds = "10 hours"',
            "seconds: '10 hours' is too long; a film may last 2 to 600 seconds.",
        ),
        (
            'product = "x"\nseconds = nan',
            "seconds: nan is not a length; write 30, '30s' or '1:30', and a film may last 2 to 600 seconds.",
        ),
        (
            'product = "x"\nratio = "2:1"',
            "ratio: '2:1' is not one of the eight that a film can have: 16:9, 9:16, 4:3, 3:4, 1:1, 21:9, 5:3, 3:5.",
        ),
        ('product = "x"\nmesage = "y"', "mesage: is not a field of a brief; did you mean 'message'?"),
        ('product = 3', "product: 3 is not text; put it in quotes."),
        ('product = "x"\ncap = -1', "cap: -1 is not possible; a cap is 0 to 1,000,000 dollars."),
        (
            'product = "x"\nshots = 10\nseconds = 5',
            "shots: 10 do not fit into 5 seconds; each takes at least 1 second, so ask for at most 5 or for more seconds.",
        ),
        (
            'product = "x"\nlanguage = "klingon!"',
            "language: 'klingon!' is not a language; write a tag such as en, de, pt-BR, ja or ar.",
        ),
        (
            'product = "x"\n[providers]\nvideo = "runway"',
            "providers.video: 'runway' is not a model; write 'provider:model', such as 'animatic:cards'.",
        ),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    assert refusal(written(tmp_path, text)) == told


def test_a_colour_that_is_none_is_named_by_its_place(tmp_path: Path) -> None:
    told = refusal(written(tmp_path, 'product = "x"\ncolours = ["navy", "blurple"]'))
    assert told.startswith("colours[2]: 'blurple' is not a colour; write '#1f4d36' or a name such as ")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("product = x", "is not TOML: invalid value (at line 1, column 11)."),
        (b"product = 'a'\nname = '\xff'", "is not text in UTF-8 (line 2); save it as UTF-8."),
        ("", "is empty."),
        (b"#" * 10_000_000, "has more than 1 MiB, which is the most that a brief file may have."),
        ("a = " + "[" * 5000, "is nested too deeply."),
        ("seconds = " + "9" * 5000, "holds a number with thousands of digits."),
        ("{ nothing }", "is not JSON: expecting property name enclosed in double quotes (at line 1, column 3)."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_brief_is_named_with_the_reason(tmp_path: Path, content: str | bytes, told: str) -> None:
    path = written(tmp_path, content)
    assert refusal(path) == f"brief: {path} {told}"


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == f"brief: {tmp_path} is a folder; name a brief file."
    assert refusal(tmp_path / "no.toml") == f"brief: there is no file {tmp_path / 'no.toml'}."
    assert refusal("nowhere/brief.toml") == "brief: there is no file nowhere/brief.toml."
    assert refusal("  ").startswith("product: is missing")
    assert refusal("x" * 5000) == "product: has 5,000 characters; at most 2,000 are allowed."


@pytest.mark.parametrize(
    ("sentence", "name", "product", "language"),
    [
        (
            "A 20 second vertical story for Fernwood, a plant shop in Bristol that delivers by bike, 4 shots",
            "Fernwood",
            "Fernwood, a plant shop in Bristol that delivers by bike",
            "en",
        ),
        (
            "We need a film about “Nachtlicht”, a reading lamp",
            "Nachtlicht",
            "“Nachtlicht”, a reading lamp",
            "en",
        ),
        ("A video editor for podcasters", "Video Editor", "A video editor for podcasters", "en"),
        (
            "Ein Film über handgemachte Seife aus Köln, die nach Regen riecht",
            "Handgemachte Seife",
            "handgemachte Seife aus Köln, die nach Regen riecht",
            "de",
        ),
        ("一家小茶馆，每天早上现磨", "一家小茶馆", "一家小茶馆，每天早上现磨", "zh"),
        ("京都の小さな工房で、一つずつ手で作る抹茶椀", "京都の小さな工房", "京都の小さな工房で、一つずつ手で作る抹茶椀", "ja"),
        ("수제 도자기 공방", "수제 도자기 공방", "수제 도자기 공방", "ko"),
        ("Маленькая пекарня", "Маленькая пекарня", "Маленькая пекарня", "ru"),
        ("مقهى صغير في عمان", "مقهى صغير في عمان", "مقهى صغير في عمان", "ar"),
        ("Une boulangerie qui ouvre à cinq heures", "Boulangerie", "Une boulangerie qui ouvre à cinq heures", "fr"),
        ("Una gelateria di quartiere con i gusti della nonna", "Gelateria di quartiere", "*", "it"),
        ("Uma padaria em Lisboa que não fecha", "Padaria", "*", "pt"),
        ("Una panadería que abre a las cinco", "Panadería", "*", "es"),
    ],
)
def test_a_sentence_gives_product_name_and_language(sentence: str, name: str, product: str, language: str) -> None:
    brief = read_brief(sentence, {}).brief
    assert brief.name == name
    assert brief.product == (sentence if product == "*" else product)
    assert brief.language == language


def test_hints_in_a_sentence_are_honoured_unless_overridden() -> None:
    sentence = "A 20 second vertical story for Fernwood, a plant shop, 4 shots"
    brief = read_brief(sentence, {}).brief
    assert (brief.seconds, brief.shots, brief.ratio) == (20, 4, AspectRatio.PORTRAIT)
    brief = read_brief(sentence, {"ratio": "1:1", "seconds": 12}).brief
    assert (brief.seconds, brief.shots, brief.ratio) == (12, 4, AspectRatio.SQUARE)
    assert read_brief("TikTok ad: hot sauce from Leeds", {}).brief.platform == "TikTok"


def test_what_belongs_to_the_product_is_no_hint() -> None:
    brief = read_brief("Pizza in 15 minutes, with 4 shots of espresso, from a vertical oven", {}).brief
    assert (brief.seconds, brief.shots, brief.ratio) == (30, 6, AspectRatio.LANDSCAPE)
    assert brief.product == "Pizza in 15 minutes, with 4 shots of espresso, from a vertical oven"


def test_the_three_examples_are_good_briefs() -> None:
    names = ("product-ad.toml", "social-story.toml", "one-sentence.toml")
    ad, story, sentence = (read_brief(EXAMPLES / name, {}).brief for name in names)
    assert (ad.ratio, ad.seconds, ad.shots) == (AspectRatio.LANDSCAPE, 30, 6)
    assert (story.ratio, story.seconds, story.shots) == (AspectRatio.PORTRAIT, 20, 5)
    assert sentence.name == "Tiny Museum of Typewriters"


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(1)
    yield made
    await made.aclose()


async def test_a_picture_is_read_as_it_is(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "loaf.bin"
    Image.new("RGB", (40, 30), "navy").save(path, "WEBP")
    assert await read_picture(workers, path, "pictures[1]") == (path.read_bytes(), "image/webp")


async def test_what_is_no_picture_is_refused_by_the_name_of_its_field(workers: Workers, tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(whole, "PNG")
    cases = {
        "cut.png": (whole.getvalue()[:5000], "damaged"),
        "page.png": (b"<html>no such picture</html>", "web page"),
        "drawing.svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        "empty.png": (b"", "is empty"),
        "huge.png": (b"\x89PNG" + bytes(33 << 20), "more than 32 MiB"),
    }
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidBrief, match=rf"^pictures\[2\]: .*{name}.*{reason}"):
            await read_picture(workers, tmp_path / name, "pictures[2]")
    with pytest.raises(InvalidBrief, match=r"^logo: there is no file"):
        await read_picture(workers, tmp_path / "none.png", "logo")
    with pytest.raises(InvalidBrief, match=r"^logo: .* is a folder; name a picture\."):
        await read_picture(workers, tmp_path, "logo")


async def test_a_picture_that_swells_is_refused_and_takes_nobody_with_it(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("RGB", (8000, 9900)).save(bomb)  # 0.2 MB that become 238 MB
    small = Workers(1, memory_bytes=400 << 20)
    try:
        with pytest.raises(InvalidBrief, match=r"^logo: bomb\.png: this needs more memory"):
            await read_picture(small, bomb, "logo")
        Image.new("RGB", (8, 8)).save(bomb)
        assert (await read_picture(small, bomb, "logo"))[1] == "image/png"
    finally:
        await small.aclose()


async def test_a_picture_whose_decoder_dies_is_refused_and_the_next_one_is_read(workers: Workers, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("RGB", (8000, 9900)).save(bomb)
    reading = asyncio.create_task(read_picture(workers, bomb, "logo"))
    while not (decoders := children("reelwright.media.workers")):
        await asyncio.sleep(0.01)
    for decoder in decoders:
        os.kill(decoder, signal.SIGSEGV)  # as a decoder dies of its own bug
    with pytest.raises(InvalidBrief, match=r"^logo: bomb\.png: the media worker ended in the middle of its work \(SIGSEGV\)"):
        await reading
    Image.new("RGB", (8, 8)).save(bomb)
    assert (await read_picture(workers, bomb, "logo"))[1] == "image/png"


def children(of: str) -> list[int]:
    """The processes that this one has started and whose command has these words."""
    mine: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and of in (folder / "cmdline").read_text():
                mine.append(int(folder.name))
    return mine


def test_the_process_that_reads_a_picture_loads_no_decoder(tmp_path: Path) -> None:
    path = tmp_path / "loaf.png"
    Image.new("RGB", (40, 30), "navy").save(path)
    script = """
import asyncio, sys
from pathlib import Path
from reelwright.media.workers import Workers
from reelwright.services.briefs import read_picture

async def main():
    workers = Workers(1)
    print((await read_picture(workers, Path(sys.argv[1]), "logo"))[1], {"PIL", "av", "numpy"} & sys.modules.keys())
    await workers.aclose()

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.strip() == "image/png set()", ended.stderr
