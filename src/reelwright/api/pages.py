"""The few pages that a person needs before there is anything to see: they set up, sign in, choose a password and sign out.

Plain HTML forms without a script, so that they work in every browser and under the strictest policy.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from reelwright.api.callers import StudioHere
from reelwright.api.cookies import keep, visitor_of
from reelwright.api.origins import is_at_this_machine
from reelwright.api.paper import field, form, link, notice, page, paragraph
from reelwright.api.problems import headers_of, status_of
from reelwright.api.sign_in import leave
from reelwright.bootstrap import Studio
from reelwright.domain.account import Caller, Purpose, Role
from reelwright.errors import ReelwrightError
from reelwright.services.passwords import SHORTEST
from reelwright.services.sign_in import Entry

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Typed = Annotated[str, Form(max_length=1000)]
_NEW = field(
    "password",
    "New password",
    kind="password",
    hint=f"At least {SHORTEST} characters. A few words in a row are easy to remember.",
    complete="new-password",
)


@router.get("/")
async def start(studio: StudioHere, request: Request) -> Response:
    """Who one is here. On a studio of one's own machine that nobody has set up, the owner comes in without a word."""
    caller: Caller | None = request.state.caller
    if caller is not None:
        return _home(caller)
    if request.app.state.is_local and is_at_this_machine(request.scope, request.headers, studio.settings.public_url):
        entry = await studio.sign_in.without_ceremony(visitor_of(request, studio))
        if entry is not None:
            answer = _home(Caller(entry.user, entry.user.role.scopes, session="new"))
            keep(request, answer, studio, entry.secret)
            return answer
    return RedirectResponse("/sign-in", 303)


@router.get("/sign-in")
async def show_sign_in(studio: StudioHere, next: str = "/") -> Response:  # noqa: A002 - as links say it
    """The form to sign in with."""
    return _sign_in_page(studio, path_within(next))


@router.post("/sign-in")
async def take_sign_in(
    studio: StudioHere,
    request: Request,
    email: Typed = "",
    password: Typed = "",
    next: Typed = "/",  # noqa: A002 - as above
) -> Response:
    """Signs in, and goes on to the page that was wanted."""
    try:
        entry = await studio.sign_in.by_password(email, password, visitor_of(request, studio))
    except ReelwrightError as error:
        return _sign_in_page(studio, path_within(next), email=email, error=error)
    return _go_on(studio, request, entry, path_within(next))


@router.post("/sign-out")
async def take_sign_out(studio: StudioHere, request: Request) -> Response:
    """Signs out."""
    await leave(studio, request)
    answer = RedirectResponse("/sign-in", 303)
    keep(request, answer, studio, "")
    return answer


@router.get("/setup")
async def show_set_up(studio: StudioHere, request: Request, key: str = "") -> Response:
    """The form that makes somebody the owner of a new studio."""
    if key:
        try:
            await studio.links.person_of(key, Purpose.SETUP)
        except ReelwrightError as error:
            return trouble("Set up Reelwright", error)
    elif not _is_new_owner(request):
        return RedirectResponse("/sign-in", 303)
    return _set_up_page(key)


@router.post("/setup")
async def take_set_up(
    studio: StudioHere, request: Request, key: Typed = "", email: Typed = "", name: Typed = "", password: Typed = ""
) -> Response:
    """Sets the studio up, and lets its owner in."""
    visitor, caller = visitor_of(request, studio), request.state.caller
    try:
        entry = await studio.sign_in.set_up(key, caller, email=email, name=name, password=password, visitor=visitor)
    except ReelwrightError as error:
        return _set_up_page(key, email=email, name=name, error=error)
    return _go_on(studio, request, entry, "/")


@router.get("/password")
async def show_password(studio: StudioHere, key: str = "") -> Response:
    """The form to choose a password with."""
    try:
        person = await studio.links.person_of(key, Purpose.PASSWORD)
    except ReelwrightError as error:
        return trouble("Choose a password", error)
    return _password_page(key, person.email)


@router.post("/password")
async def take_password(studio: StudioHere, request: Request, key: Typed = "", password: Typed = "") -> Response:
    """Keeps the password, and lets its person in."""
    try:
        entry = await studio.sign_in.by_link(key, password, visitor_of(request, studio))
    except ReelwrightError as error:
        return _password_page(key, "", error=error)
    return _go_on(studio, request, entry, "/")


def path_within(path: str) -> str:
    """The path to go on to: one of ours, whatever was asked for."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_ours else "/"


def _go_on(studio: Studio, request: Request, entry: Entry, path: str) -> Response:
    answer = RedirectResponse(path, 303)
    keep(request, answer, studio, entry.secret)
    return answer


def _home(caller: Caller) -> Response:
    user = caller.user
    parts = [paragraph(f"You are signed in as {user.email or user.name}, {user.role}.")]
    if user.role is Role.OWNER and not user.has_password:
        parts += [
            paragraph(
                "Nobody else can sign in yet. Before others can reach this studio, give yourself an address and a password."
            ),
            link("/setup", "Set up the studio"),
        ]
    if caller.session:
        parts.append(form("/sign-out", "Sign out"))
    return page("Reelwright", *parts)


def _sign_in_page(studio: Studio, path: str, *, email: str = "", error: ReelwrightError | None = None) -> Response:
    parts = [
        form(
            "/sign-in",
            "Sign in",
            field("email", "E-mail address", kind="email", value=email, complete="username", is_first=True),
            field("password", "Password", kind="password", complete="current-password"),
            hidden={"next": path},
        )
    ]
    if studio.identities.name:
        parts.append(link("/sign-in/oidc", f"Sign in with {studio.identities.name}", query={"next": path}))
    return _with_error("Sign in", error, *parts)


def _set_up_page(key: str, *, email: str = "", name: str = "", error: ReelwrightError | None = None) -> Response:
    words = "You become its owner: you see what it costs, keep the vendors' keys, and add other people."
    fields = (
        field("email", "Your e-mail address", kind="email", value=email, complete="username", is_first=True),
        field("name", "Your name", value=name, complete="name"),
        _NEW,
    )
    return _with_error("Set up Reelwright", error, paragraph(words), form("/setup", "Set up", *fields, hidden={"key": key}))


def _password_page(key: str, email: str, *, error: ReelwrightError | None = None) -> Response:
    words = [paragraph(f"For {email}. You sign in with both from now on.")] if email else []
    return _with_error("Choose a password", error, *words, form("/password", "Keep it", _NEW, hidden={"key": key}))


def _with_error(title: str, error: ReelwrightError | None, *parts: str) -> Response:
    if error is None:
        return page(title, *parts)
    return page(title, notice(error.message), *parts, status=status_of(error), headers=headers_of(error))


def trouble(title: str, error: ReelwrightError) -> Response:
    """The page that says why it goes no further."""
    return _with_error(title, error, link("/sign-in", "Sign in"))


def _is_new_owner(request: Request) -> bool:
    caller: Caller | None = request.state.caller
    return caller is not None and bool(caller.session) and caller.user.role is Role.OWNER and not caller.user.has_password
