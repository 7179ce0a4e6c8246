"""Share links: made and ended by whom the campaign belongs to, opened by anybody who has one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.cookies import cookie_of, visitor_of
from reelwright.api.delivery import deliver
from reelwright.api.origins import is_secure, own_origin
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.paper import field, form, link, notice, page, paragraph, player
from reelwright.api.problems import headers_of, problems, status_of
from reelwright.bootstrap import Studio
from reelwright.db.fence import fenced
from reelwright.domain.ids import CampaignId, FilmId
from reelwright.domain.share import Share
from reelwright.errors import Forbidden, NotFound, ReelwrightError
from reelwright.services.passwords import LONGEST, SHORTEST
from reelwright.services.shares import PROVED, Shown, Wish

router = APIRouter(tags=["share links"])
public = APIRouter(prefix="/s", include_in_schema=False, default_response_class=HTMLResponse)
_COOKIE = "reelwright_share"
_UNSEEN = {"X-Robots-Tag": "noindex, nofollow, noarchive"}
_PASSWORD = Field(
    default=None,
    max_length=LONGEST,
    description=f"At least {SHORTEST} characters; null for none.",
    examples=["four words in a row"],
)
_EXPIRES = Field(default=None, description="When it ends by itself; null for never.", examples=["2027-01-31T12:00:00Z"])
_DOWNLOAD = Field(
    default=False, description="Whether the page offers the film and its captions as files. Whatever plays can be recorded."
)


class NewShare(BaseModel):
    """What a new link is to be."""

    model_config = ConfigDict(extra="forbid")

    film: str | None = Field(default=None, max_length=80, description="A film of the campaign; null for the newest, always.")
    password: SecretStr | None = _PASSWORD
    can_download: bool = _DOWNLOAD
    expires_at: AwareDatetime | None = _EXPIRES


class ShareChange(BaseModel):
    """What of a link is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr | None = _PASSWORD
    can_download: bool = _DOWNLOAD
    expires_at: AwareDatetime | None = _EXPIRES


class ShareView(BaseModel):
    """A share link."""

    id: str = Field(examples=["share_01m7zh3yyb7jg4snzgjr63djpt"])
    url: str = Field(description="The link.", examples=["https://studio.example/s/Jx0..."])
    campaign: str
    film: str | None = Field(description="The film that it shows; null for the newest, whichever that is.")
    has_password: bool
    can_download: bool
    views: int = Field(description="How often its page was opened.")
    is_active: bool = Field(description="False once it has ended or was revoked.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@router.post("/campaigns/{campaign}/shares", status_code=201, responses=problems(NotFound))
async def create_share(campaign: str, studio: StudioHere, request: Request, wanted: NewShare) -> ShareView:
    """Make a link that shows the campaign's film to whoever has it, without an account. It cannot be guessed."""
    film = FilmId(wanted.film) if wanted.film else None
    return _view(studio, request, await studio.shares.create(CampaignId(campaign), _wish(wanted, film)))


@router.get("/shares", responses=problems(NotFound))
async def list_shares(
    studio: StudioHere,
    request: Request,
    caller: CallerHere,
    campaign: Annotated[str, Query(max_length=80, description="Only those of this campaign.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[ShareView]:
    """The caller's links, newest first, ended ones among them."""
    of = CampaignId(campaign) if campaign else None
    found = await studio.shares.page(caller.user.id, of, before=cursor, limit=limit + 1)
    items = [_view(studio, request, each) for each in found[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.get("/shares/{share}", responses=problems(NotFound))
async def get_share(share: str, studio: StudioHere, request: Request) -> ShareView:
    """One link."""
    return _view(studio, request, await studio.shares.get(share))


@router.patch("/shares/{share}", responses=problems(NotFound))
async def change_share(share: str, studio: StudioHere, request: Request, wanted: ShareChange) -> ShareView:
    """Change when a link ends, its password, or whether it offers files. Another password sends everybody to type it."""
    changed = await studio.shares.change(share, _wish(wanted), frozenset(wanted.model_fields_set))
    return _view(studio, request, changed)


@router.delete("/shares/{share}", status_code=204, responses=problems(NotFound))
async def revoke_share(share: str, studio: StudioHere) -> None:
    """End a link at once and for good. It stays in the list."""
    await studio.shares.revoke(share)


@public.api_route("/{secret}", methods=["GET", "HEAD"])
async def show_share(secret: str, studio: StudioHere, request: Request) -> Response:
    """The page that a link leads to: the film, or the question for its password."""
    try:
        shown = await studio.shares.open(secret, _proof(request, studio), is_view=request.method == "GET")
    except NotFound as error:
        return _nothing(error)
    return _locked(secret) if shown.is_locked else _film(secret, shown)


@public.post("/{secret}")
async def unlock_share(
    secret: str, studio: StudioHere, request: Request, password: Annotated[str, Form(max_length=1000)] = ""
) -> Response:
    """Takes the password, and leads back to the film."""
    try:
        proof = await studio.shares.unlock(secret, password, visitor_of(request, studio).client)
    except NotFound as error:
        return _nothing(error)
    except ReelwrightError as error:
        return _locked(secret, error)
    answer = RedirectResponse(f"/s/{secret}", 303)
    if proof:
        is_safe = is_secure(request.scope, request.headers, studio.settings.public_url)
        answer.set_cookie(
            _cookie_name(is_safe=is_safe),
            proof,
            max_age=int(PROVED.total_seconds()),
            path=f"/s/{secret}",
            secure=is_safe,
            httponly=True,
            samesite="lax",  # with `strict`, whoever follows the link from a letter would be asked each time
        )
    return answer


@public.api_route("/{secret}/media/{asset}", methods=["GET", "HEAD"])
async def get_shared_media(secret: str, asset: str, studio: StudioHere, request: Request, download: str = "") -> Response:
    """The bytes of one of the film's files, or a part of them. Asked for each time, so that a link that ended plays no longer."""
    found, shown = await studio.shares.media(secret, _proof(request, studio), asset)
    if download and not shown.share.can_download:
        msg = "Whoever made this link lets the film be seen, not saved."
        raise Forbidden(msg)
    with fenced(shown.owner):
        answer = await deliver(studio, request, found, is_download=bool(download), may_redirect=False)
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers.update(_UNSEEN)
    return answer


def _wish(wanted: NewShare | ShareChange, film: FilmId | None = None) -> Wish:
    return Wish(
        film=film,
        password=wanted.password.get_secret_value() if wanted.password else "",
        can_download=wanted.can_download,
        expires_at=wanted.expires_at,
    )


def _view(studio: Studio, request: Request, share: Share) -> ShareView:
    origin = own_origin(request.scope, request.headers, studio.settings.public_url)
    return ShareView(
        id=share.id,
        url=f"{origin}/s/{share.secret}",
        campaign=share.campaign_id,
        film=share.film_id,
        has_password=share.has_password,
        can_download=share.can_download,
        views=share.views,
        is_active=share.holds(datetime.now(UTC)),
        created_at=share.created_at,
        expires_at=share.expires_at,
        revoked_at=share.revoked_at,
    )


def _cookie_name(*, is_safe: bool) -> str:
    # `__Host-` would need the path `/`, and then every link would get the proof of every other one.
    return f"__Secure-{_COOKIE}" if is_safe else _COOKIE


def _proof(request: Request, studio: Studio) -> str:
    is_safe = is_secure(request.scope, request.headers, studio.settings.public_url)
    return cookie_of(request.headers, _cookie_name(is_safe=is_safe))


def _nothing(error: ReelwrightError) -> Response:
    return page("Nothing to see", paragraph(error.message), status=status_of(error), headers=_UNSEEN)


def _locked(secret: str, error: ReelwrightError | None = None) -> Response:
    asked = form(f"/s/{secret}", "Show the film", field("password", "Password", kind="password", complete="off", is_first=True))
    if error is None:
        return page("A film for you", paragraph("It has a password: whoever sent you the link knows it."), asked, headers=_UNSEEN)
    more = {**headers_of(error), **_UNSEEN}
    return page("A film for you", notice(error.message), asked, status=status_of(error), headers=more)


def _film(secret: str, shown: Shown) -> Response:
    if shown.film is None:
        return page(shown.name, paragraph("The film is not finished yet. This link will show it."), headers=_UNSEEN)
    urls = {name: f"/s/{secret}/media/{asset}" for name, asset in shown.assets.items()}
    captions = urls.get("vtt", "") if shown.captions else ""
    can_download = shown.share.can_download
    parts = [
        player(
            urls["film"],
            poster=urls.get("poster", ""),
            captions=captions,
            language=shown.film.cut_list.language,
            can_download=can_download,
        )
    ]
    if can_download:
        parts.append(link(urls["film"], "Save the film", query={"download": "1"}))
        parts += [link(urls["srt"], "Save the captions", query={"download": "1"})] if "srt" in urls else []
    return page(shown.name, *parts, headers=_UNSEEN, plays=True)
