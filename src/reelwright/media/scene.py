"""A shot made ready for a look: its shape, its part in the film, its words, its colours, and what its words show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from PIL import Image

from reelwright.domain.generation import Request
from reelwright.domain.languages import is_written_leftward
from reelwright.media import motifs
from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, placed
from reelwright.media.fonts import clean
from reelwright.media.motifs.pen import Shape


class Form(StrEnum):
    """What kind of shape the frame has: each is composed in its own way."""

    WIDE = "wide"
    SQUARE = "square"
    TALL = "tall"


class Role(StrEnum):
    """A shot's part in the film, which decides its composition."""

    OPENING = "opening"
    PLACE = "place"
    PRODUCT = "product"
    DETAIL = "detail"
    CLOSING = "closing"


@dataclass(frozen=True)
class Palette:
    """The campaign's colours; `is_given` when the person or the concept chose them."""

    ground: Colour
    text: Colour
    accents: tuple[Colour, ...]
    is_given: bool = False

    @property
    def accent(self) -> Colour:
        """The first accent."""
        return self.accents[0]

    @property
    def second(self) -> Colour:
        """The second accent, or the first one turned a little."""
        return self.accents[1] if len(self.accents) > 1 else self.accent.turned(38)


@dataclass(frozen=True)
class Group:
    """Shapes in pixels that belong together: a sky, a place, a thing."""

    kind: str
    shapes: tuple[Shape, ...]
    box: Box


@dataclass(frozen=True)
class Scene:
    """Everything a look needs to know."""

    size: tuple[int, int]
    role: Role
    number: int
    count: int
    brand: str
    title: str
    text: str
    call: str
    language: str
    is_rtl: bool
    palette: Palette | None
    mood: str
    seed: str
    essence: motifs.Essence
    picture: Image.Image | None
    logo: Image.Image | None

    @property
    def width(self) -> int:
        """Pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Pixels."""
        return self.size[1]

    @property
    def unit(self) -> float:
        """A hundredth of a length that suits the frame: between its sides, nearer the shorter one."""
        return (min(self.size) * 0.78 + max(self.size) * 0.22) / 100

    @property
    def form(self) -> Form:
        """Wide, square or tall."""
        aspect = self.width / self.height
        return Form.WIDE if aspect > 1.22 else Form.TALL if aspect < 0.82 else Form.SQUARE

    @property
    def is_closing(self) -> bool:
        """Whether it is the film's last shot."""
        return self.role is Role.CLOSING

    @property
    def shot_seed(self) -> str:
        """Differs from shot to shot; `seed` does not."""
        return f"{self.seed}:{self.number}"

    @property
    def is_flipped(self) -> bool:
        """Whether type and picture change sides: every other shot, and the other way round for right-to-left scripts."""
        return (Random(self.seed).random() < 0.5) != (self.number % 2 == 0) if self._is_loose else self.is_rtl  # noqa: S311

    @property
    def _is_loose(self) -> bool:
        return self.role in (Role.PRODUCT, Role.DETAIL, Role.PLACE)

    def part(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box in parts of the frame, mirrored where the shot is flipped."""
        if self.is_flipped:
            x0, x1 = 1 - x1, 1 - x0
        return Box(x0 * self.width, y0 * self.height, x1 * self.width, y1 * self.height)

    def columns(self, share: float = 0.5) -> tuple[Box, Box]:
        """The type's box and the picture's: side by side, or over each other in a tall frame.

        The type keeps clear of the lowest fifth, where captions go.
        """
        match self.form:
            case Form.WIDE:
                return self.part(0.065, max(0.17, self.top), share, 0.77), self.part(share + 0.03, 0.13, 0.95, 0.93)
            case Form.SQUARE:
                return self.part(0.065, max(0.14, self.top), 0.935, 0.52), self.part(0.36, 0.54, 0.935, 0.965)
            case Form.TALL:
                return self.part(0.065, max(0.115, self.top), 0.935, 0.44), self.part(0.1, 0.475, 0.9, 0.95)

    @property
    def top(self) -> float:
        """Where type may begin, in parts of the height: below the logo where there is one."""
        return 0.065 + self.unit * (9.4 if self.is_closing else 7.6) / self.height if self.logo is not None else 0.0

    def things(self, box: Box, count: int = 1, *, last: str = "rays") -> list[Group]:
        """What the words show, standing on the lower side of `box`; where they show nothing, a podium or `last` at the end."""
        names = list(self.essence.things) or [last if self.is_closing else "podium"]
        side = min(box.width, box.height)
        found: list[Group] = []
        if count > 1 and len(names) > 1 and box.width > side * 1.5:
            small = side * 0.56
            x = box.x0 if self.is_flipped else box.x1 - small
            found.append(self._thing(names[1], x, box.y1 - small, small))
            x = box.x1 - side if self.is_flipped else box.x0
            found.append(self._thing(names[0], x, box.y1 - side, side))
        else:
            found.append(self._thing(names[0], (box.x0 + box.x1 - side) / 2, box.y1 - side, side))
        return found

    def _thing(self, name: str, x: float, y: float, side: float) -> Group:
        shapes = placed(
            motifs.thing(name), side, x, y, is_mirrored=self.is_flipped and name not in ("clock", "book", "music", "chart")
        )
        return Group("thing", tuple(shapes), Box(x, y, x + side, y + side))

    def place(self, default: str = "") -> Group | None:
        """The place behind, over the whole frame."""
        name = self.essence.place or default
        if not name:
            return None
        shapes = placed(motifs.place(name, self.width / self.height, self.shot_seed), self.height, 0, 0)
        if name in ("city", "forest", "mountain"):
            shapes = [self._lowered(shape) for shape in shapes]
        return Group("place", self._mirrored(shapes), Box(0, 0, *self.size))

    def _lowered(self, shape: Shape) -> Shape:
        """What is tall stands on the picture's side and stays low below the type; small upright shapes stay upright."""
        if self.form is not Form.WIDE:
            return Shape(tuple((x, self.height - (self.height - y) * 0.8) for x, y in shape.points), shape.tone, shape.width)
        across = [x for x, _ in shape.points]
        is_small = max(across) - min(across) < self.height * 0.3
        middle = sum(across) / len(across)

        def moved(x: float, y: float) -> tuple[float, float]:
            at = min(max(((middle if is_small else x) / self.width - 0.4) / 0.25, 0.0), 1.0)
            return x, self.height - (self.height - y) * (0.36 + 0.64 * at * at * (3 - 2 * at))

        return Shape(tuple(moved(x, y) for x, y in shape.points), shape.tone, shape.width)

    def sky(self, default: str = "") -> Group | None:
        """What hangs above, over the whole frame."""
        name = "" if self.essence.place == "room" else self.essence.sky or default
        if not name:
            return None
        lower = 0.0 if self.form is Form.WIDE else self.height * 0.11
        shapes = placed(motifs.sky(name, self.width / self.height, self.shot_seed), self.height, 0, lower)
        return Group("sky", self._mirrored(shapes), Box(0, 0, *self.size))

    def _mirrored(self, shapes: list[Shape]) -> tuple[Shape, ...]:
        if not self.is_flipped:
            return tuple(shapes)
        return tuple(Shape(tuple((self.width - x, y) for x, y in each.points), each.tone, each.width) for each in shapes)


def scene_of(request: Request, size: tuple[int, int], picture: Image.Image | None, logo: Image.Image | None) -> Scene:
    """The shot that a request describes."""
    direction = request.direction
    title = clean(direction.title) or clean(direction.brand) or clean(direction.text) or clean(request.prompt)
    text = clean(direction.text)
    role = _role(direction.number, direction.count, direction.seed)
    call = clean(direction.call_to_action) if role is Role.CLOSING else ""
    if call and _bare(call) == _bare(title) and clean(direction.brand):
        # The button says it already; the headline is free for the name.
        title, text = clean(direction.brand), ""
    return Scene(
        size=size,
        role=role,
        number=max(1, direction.number),
        count=max(1, direction.count),
        brand=clean(direction.brand),
        title=title,
        text="" if text == title else text,
        call=call,
        language=request.language,
        is_rtl=is_written_leftward(request.language),
        palette=palette_of(direction.palette),
        mood=direction.mood,
        seed=direction.seed or direction.brand or "reelwright",
        essence=_essence(request, role),
        picture=picture,
        logo=logo,
    )


def _essence(request: Request, role: Role) -> motifs.Essence:
    """What the shot shows: what its title names, else what the film is about. How it is filmed says nothing about that.

    The first thing that the film is about stands in its opening, product and closing shots; the others take turns in between.
    """
    direction = request.direction
    if not direction.subject:
        return motifs.essence(direction.title, _seen(request.prompt), direction.text, direction.brand)
    shot, film = motifs.essence(direction.title, _seen(request.prompt)), motifs.essence(direction.subject)
    first, others = film.things[:1], film.things[1:]
    if role in {Role.DETAIL, Role.PLACE} and others:
        turn = direction.number % len(others)
        first, others = others[turn : turn + 1], (*film.things[:1], *others[:turn], *others[turn + 1 :])
    around = motifs.essence(direction.title, _seen(request.prompt), direction.subject, direction.text)
    return motifs.Essence((*shot.things, *first, *others), around.place, around.sky)


def palette_of(colours: tuple[str, ...]) -> Palette | None:
    """The colours that were given, made to work together, or None when there is not one that can be read.

    One colour is an accent; two are an accent and a ground; three and more are ground, text, accents.
    """
    known = [colour for each in colours if (colour := Colour.parse(each)) is not None]
    if not known:
        return None
    if len(known) < 3:
        ground = known[1] if len(known) > 1 else Colour(250, 249, 246)
        return Palette(ground, Colour(20, 20, 24).readable_on(ground, 7), (known[0],), is_given=True)
    return Palette(known[0], known[1].readable_on(known[0]), tuple(known[2:]), is_given=True)


def _bare(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


_CRAFT = re.compile(
    r"\b(lens|\d+ ?mm|light(ing)?|shadows?|style|mood|palette|keywords|no text|watermark|camera|bokeh|render)\b", re.IGNORECASE
)
"""What tells a sentence of an image prompt that speaks about the craft from one that speaks about the picture."""


def _seen(prompt: str) -> str:
    """The sentences of an image prompt that say what is seen."""
    sentences = re.split(r"(?<=[.!?。！？])\s*", prompt)
    return " ".join(each for each in sentences if each and not _CRAFT.search(each))


def _role(number: int, count: int, seed: str) -> Role:
    if number <= 1:
        return Role.OPENING
    if number >= count:
        return Role.CLOSING
    middle = (Role.PRODUCT, Role.DETAIL, Role.PLACE)
    return middle[(number - 2 + Random(seed).randrange(3)) % 3]  # noqa: S311 - decoration, not secrets
