"""Settings: from the environment (`REELWRIGHT_*`), then `reelwright.toml` in the data folder. Read only by bootstrap and cli."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from reelwright.errors import ConfigurationError

CONFIG_FILE = "reelwright.toml"


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("reelwright"))


class Settings(BaseSettings):
    """Every setting, with what it means as its description."""

    model_config = SettingsConfigDict(env_prefix="REELWRIGHT_", extra="forbid", env_ignore_empty=True)

    home: Annotated[Path, Field(description="The data folder: database, storage, jobs, logs.")] = Path()
    database_url: Annotated[str, Field(description="`sqlite:////path/to/file` or `postgresql://user:password@host/name`.")] = ""
    storage_url: Annotated[
        str, Field(description="`file:///path` or `s3://bucket/prefix`, with `?endpoint=...&region=...` where needed.")
    ] = ""
    allow_private_hosts: Annotated[
        str,
        Field(description="Hosts inside private networks from which outputs may be fetched, by commas; `*` for all."),
    ] = ""
    public_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^\s?#]+)?$",
            description="Where the outside reaches this studio, such as `https://studio.example`. Vendors that sign their calls "
            "are then asked to call `/webhooks/<provider>` there when a job has moved, so that its output comes home at once. "
            "Without it jobs are only polled.",
        ),
    ] = ""
    secret_key: Annotated[
        str,
        Field(
            repr=False,
            description="What seals the vendors' keys in the database: at least 32 characters that nobody can guess, the same on "
            "every machine; `NEW,OLD` while it is changed. `secret.key` in the data folder unless set.",
        ),
    ] = ""
    upload_limit: Annotated[int, Field(ge=1, le=1 << 20, description="The largest file that a person may send, in MiB.")] = 4096
    draft_days: Annotated[
        int,
        Field(
            ge=0,
            le=3650,
            description="After so many days in which nobody has touched it, a draft goes to the trash, from where it can be "
            "taken back. 0 for never.",
        ),
    ] = 0
    draft_warning_days: Annotated[int, Field(ge=1, le=365, description="So many days before that its person is told.")] = 7
    contract_cap: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Dollars that a campaign may cost which clients of the older contract work on, as long as nobody has "
            "given it a cap: these clients know no prices. 0 lets them ask for nothing that is paid.",
        ),
    ] = 100
    media_redirect: Annotated[
        Literal["", "signed"],
        Field(
            description="`signed`: `/media/...` leads players to the bucket by an address that works for a quarter of an hour, "
            "instead of passing the bytes on itself. Leave it empty where browsers cannot reach the bucket."
        ),
    ] = ""
    oidc_issuer: Annotated[
        str,
        Field(
            pattern=r"^(https://[^\s?#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?)?$",
            description="An OpenID Connect issuer through which people may sign in, such as `https://accounts.example`. It sends "
            "them back to `/sign-in/oidc/callback` below REELWRIGHT_PUBLIC_URL.",
        ),
    ] = ""
    oidc_client_id: Annotated[str, Field(description="What the issuer calls this studio.")] = ""
    oidc_client_secret: Annotated[str, Field(repr=False, description="What proves to the issuer that it is this studio.")] = ""
    oidc_name: Annotated[str, Field(max_length=60, description="What the issuer is called on the button.")] = "single sign-on"
    oidc_domains: Annotated[
        str,
        Field(
            description="The domains, by commas, of the addresses with which somebody may come through the issuer whom nobody "
            "has added; `*` for everybody whom it knows, nothing for nobody."
        ),
    ] = ""
    oidc_role: Annotated[
        str, Field(pattern="^(member|viewer)$", description="What such newcomers are: `member` or `viewer`.")
    ] = "member"
    text: Annotated[str, Field(description="Who writes, as `provider:model`.")] = "template:plain"
    image: Annotated[str, Field(description="Who draws frames.")] = "animatic:cards"
    video: Annotated[str, Field(description="Who makes clips.")] = "animatic:camera"
    voice: Annotated[str, Field(description="Who speaks; `none` for silent films.")] = "espeak:scratch"
    workers: Annotated[int, Field(ge=0, le=64, description="Processes that draw, film and render; 0 for one per core.")] = 0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        home = Path(init_settings().get("home") or os.environ.get("REELWRIGHT_HOME") or _default_home())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / CONFIG_FILE)

    @property
    def database(self) -> str:
        """The database's URL; a SQLite file in the data folder unless set."""
        return self.database_url or f"sqlite:///{self.home / 'reelwright.sqlite'}"

    @property
    def storage(self) -> str:
        """The store's URL; a folder in the data folder unless set."""
        return self.storage_url or (self.home / "storage").as_uri()

    @property
    def process_count(self) -> int:
        """How many processes work on media."""
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_settings(**given: Any) -> Settings:
    """The settings as they stand; those that are given win.

    Raises:
        ConfigurationError: one is wrong; names it and where it comes from.
    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        msg = f"The setting REELWRIGHT_{name.upper()} (or {name} in {CONFIG_FILE}) is wrong: {first['msg']}."
        raise ConfigurationError(msg) from error
    except ValueError as error:
        msg = f"{CONFIG_FILE} in the data folder is not valid TOML: {error}"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"{CONFIG_FILE} in the data folder cannot be read: {error.strerror}."
        raise ConfigurationError(msg) from error
    home = settings.home if settings.home != Path() else _default_home()
    return settings.model_copy(update={"home": home.expanduser().absolute()})
