"""Which settings does this process run with, and where are the files that ship with it?

Everything that differs between machines is one row of `VARIABLES`, read once from the environment into a frozen
`Settings`. No other module reads the environment.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from succession.addresses import as_role, at_host, host_and_port, pooled_standbys, redis_address, standby_hosts, url_of, user_of
from succession.i18n import SUPPORTED_LOCALES

# The database roles a program logs in as, and the ending of their variables: DATABASE_URL_APP, DATABASE_PASSWORD_APP.
# The owner of DATABASE_URL migrates, seeds and answers the command line; no server process connects as the owner.
DATABASE_ROLES = MappingProxyType({
    "succession_app": "APP",
    "succession_worker": "WORKER",
    "market_public": "MARKET_PUBLIC",
    "market_buyer": "MARKET_BUYER",
    "market_desk": "MARKET_DESK",
    "market_domestic": "MARKET_DOMESTIC",
})

SECRET_KEY_BYTES = 32
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class ConfigError(Exception):
    """Settings that cannot be used. `problems` names every variable at fault, so one start shows all of them."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Kind:
    """What a variable may hold: `parse` raises ValueError, `allowed` tells the reader what would have worked."""

    allowed: str
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Variable:
    """One setting. A `secret` is never echoed, and may come from the file that `<name>_FILE` names instead."""

    name: str
    kind: Kind
    default: str | None
    meaning: str
    secret: bool = False


def _whole(low: int, high: int) -> Kind:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {low} to {high}", parse)


def _one_of(*choices: str) -> Kind:
    def parse(text: str) -> str:
        return choices[choices.index(text)]

    return Kind(" or ".join(choices), parse)


def _url(*schemes: str) -> Kind:
    return Kind("a URL starting with " + " or ".join(f"{scheme}://" for scheme in schemes), lambda text: url_of(text, *schemes))


def _flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _secret_key(text: str) -> bytes:
    key = text.encode()
    if len(key) < SECRET_KEY_BYTES:
        raise ValueError
    return key


TEXT = Kind("any text", str)
FLAG = Kind("1 or 0", _flag)
PATH = Kind("a directory", lambda text: Path(text).expanduser().absolute())
POSTGRES = _url("postgresql", "postgres")
STANDBYS = Kind("postgresql://host:port of each standby by comma, without user and database", standby_hosts)
POOLED = Kind("postgresql://host:port/database of each standby in a pooler by comma, without user", pooled_standbys)
REDIS = Kind("a URL starting with redis:// or rediss:// or unix://, or redis+sentinel://host:port,host:port/service/0, "
             "or redis+cluster://host:port,host:port (rediss+ for TLS)", redis_address)
KEY = Kind(f"at least {SECRET_KEY_BYTES} bytes of randomness", _secret_key)

VARIABLES: tuple[Variable, ...] = (
    Variable("SUCCESSION_DATA_DIR", PATH, "./var", "embedded servers, the mail folder, the generated key"),
    Variable("SUCCESSION_HOST", TEXT, "127.0.0.1", "address the API listens on"),
    Variable("SUCCESSION_PORT", _whole(1, 65535), "8400", "port the API listens on"),
    Variable("SUCCESSION_PUBLIC_URL", _url("https", "http"), None, "what links in mails start with; default host:port"),
    Variable("SUCCESSION_TRUSTED_PROXIES", TEXT, "127.0.0.1", "addresses whose X-Forwarded-For is believed, by comma"),
    Variable("SUCCESSION_DEMO", FLAG, "0", "fictitious world, commands that production refuses"),
    Variable("SUCCESSION_EMBEDDED", FLAG, "0", "set by the program itself for servers it started"),
    Variable("SUCCESSION_KEYS_DIR", PATH, None, "keys, apart from the data; in a demo keys/ in the data"),
    Variable("SUCCESSION_TSA_URL", _url("https", "http"), None, "RFC 3161 server that time-stamps sealed documents; none without it"),
    Variable("SUCCESSION_STORE_URL", _url("file", "s3"), None, "sealed documents: file:///directory or s3://bucket/prefix; default store/ in the data"),
    Variable("SUCCESSION_STORE_ENDPOINT", _url("https", "http"), None, "of an S3-compatible store that is not AWS"),
    Variable("SUCCESSION_STORE_REGION", TEXT, None, "of the bucket"),
    Variable("SUCCESSION_STORE_KEY_ID", TEXT, None, "access key of the bucket"),
    Variable("SUCCESSION_STORE_SECRET", TEXT, None, "its secret", secret=True),
    Variable("SUCCESSION_DOCUMENT_MOST_MB", _whole(1, 2000), "600", "megabytes of one document"),
    Variable("SUCCESSION_SCAN_COMMAND", TEXT, None, "reads a document on its input; exits 0: clean, 1: malware, else failed"),
    Variable("SUCCESSION_SCAN_URL", _url("tcp"), None, "a clamd instead: tcp://host:3310"),
    Variable("SUCCESSION_SECRET_KEY", KEY, None, "root of every keyed hash and cipher", secret=True),
    Variable("SUCCESSION_SECRET_KEY_PREVIOUS", KEY, None, "the one before: still opens cursors and stored answers; a day is enough", secret=True),
    Variable("SUCCESSION_SESSION_IDLE_S", _whole(60, 86_400), "1800", "a session ends after so long without a request"),
    Variable("SUCCESSION_SESSION_ABSOLUTE_S", _whole(60, 604_800), "43200", "a session ends after so long in any case"),
    Variable("SUCCESSION_POOL_APP_SIZE", _whole(1, 200), "8", "connections per pool of succession_app"),
    Variable("SUCCESSION_POOL_WORKER_SIZE", _whole(1, 200), "4", "connections of succession_worker"),
    Variable("SUCCESSION_POOL_MARKET_SIZE", _whole(1, 200), "6", "connections per audience role"),
    Variable("SUCCESSION_ANSWERS_KEPT", _whole(0, 100_000), "200", "answers of public searches that a process tells again while the market is the same"),
    Variable("SUCCESSION_RATE_KEY", _whole(1, 10_000_000), "600", "requests a minute of one API key or signed-in person"),
    Variable("SUCCESSION_RATE_ORGANISATION", _whole(1, 10_000_000), "3000", "requests a minute of all of one organisation"),
    Variable("SUCCESSION_RATE_ADDRESS", _whole(1, 10_000_000), "300", "requests a minute of one network nobody has signed in from"),
    Variable("SUCCESSION_BATCH_CALENDAR", _one_of("weekly", "daily"), "weekly", "when publication batches close"),
    Variable("SUCCESSION_SPOT_CHECK_PERCENT", _whole(0, 50), None, "releases that a person looks at though nothing was found; 5, demo 0"),
    Variable("SUCCESSION_CHECKPOINT_HOURS", _whole(1, 168), "24", "how often the state of all ledgers is signed"),
    Variable("SUCCESSION_LOCALE", _one_of(*SUPPORTED_LOCALES), "ja", "language of letters to who has not chosen one"),
    Variable("SUCCESSION_MAIL_FROM", TEXT, None, "sender of mails; needed with SMTP_URL"),
    Variable("SMTP_URL", _url("smtp", "smtps"), None, "mail relay; without one mails go to a folder", secret=True),
    Variable("REDIS_URL", REDIS, None, "sessions and limits: one, redis+sentinel:// or redis+cluster://; embedded if unset", secret=True),
    Variable("DATABASE_URL", POSTGRES, None, "the owner: migrations and commands; embedded if unset", secret=True),
    Variable("DATABASE_STANDBY_URLS", STANDBYS, "", "hot standbys that market reads go to, as postgresql://host:port by comma", secret=True),
    Variable("SUCCESSION_STANDBY_LAG_MOST_MS", _whole(100, 60_000), "2000", "a standby not proven to be at most so far behind is not read"),
    Variable("DATABASE_POOLER", _one_of("none", "transaction"), "none", "transaction: roles log in through PgBouncer or the like; the owner never"),
    Variable("DATABASE_POOLER_HOST", Kind("host:port", host_and_port), None, "where that is, for the default URLs of the roles"),
    Variable("DATABASE_STANDBY_POOLERS", POOLED, "", "where a pooler lends the standbys to readers, in the order of their URLs", secret=True),
    Variable("DATABASE_PASSWORD", TEXT, None, "the owner's password when DATABASE_URL has none", secret=True),
    *(
        Variable(f"DATABASE_URL_{end}", POSTGRES, None, f"{role}; default DATABASE_URL as {role}", secret=True)
        for role, end in DATABASE_ROLES.items()
    ),
    *(
        Variable(f"DATABASE_PASSWORD_{end}", TEXT, None, f"password in the default URL of {role}", secret=True)
        for role, end in DATABASE_ROLES.items()
    ),
)


class PurposeKey(bytes):
    """A key that seals, and in `before` the one it followed: what was sealed a little while ago opens with that."""

    before: tuple[bytes, ...]

    def __new__(cls, key: bytes, before: tuple[bytes, ...] = ()) -> PurposeKey:
        made = super().__new__(cls, key)
        made.before = before
        return made

    def all(self) -> tuple[bytes, ...]:
        """To try when opening, the present one first."""
        return (bytes(self), *self.before)


@dataclass(frozen=True, eq=False)
class Settings:
    """The settings of one process. URLs and keys are left out of repr. Durations in seconds, sizes in connections."""

    data_dir: Path
    keys_dir: Path | None
    tsa_url: str | None
    host: str
    port: int
    public_url: str
    trusted_proxies: tuple[str, ...]
    demo_mode: bool
    embedded: bool
    session_idle_s: int
    session_absolute_s: int
    pool_app_size: int
    pool_worker_size: int
    pool_market_size: int
    standby_lag_most_s: float
    pooler: bool
    rate_key: int
    rate_organisation: int
    rate_address: int
    answers_kept: int
    batch_calendar: str
    spot_check_percent: int
    checkpoint_hours: int
    locale: str
    mail_from: str
    store_url: str
    store_endpoint: str | None
    store_region: str | None
    store_key_id: str | None
    document_most_bytes: int
    scan_command: str | None
    scan_url: str | None
    store_secret: str | None = field(repr=False)
    secret_key: bytes = field(repr=False)
    secret_key_previous: bytes | None = field(repr=False)
    smtp_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    database_url: str | None = field(repr=False)
    standby_urls: tuple[str, ...] = field(repr=False)
    standby_poolers: tuple[str, ...] = field(repr=False)
    role_urls: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read every variable; ConfigError lists all that cannot be used.

        In demo and embedded mode a missing secret key is made once and kept in `data_dir`, readable by us alone.
        """
        environ = os.environ if environ is None else environ
        value, problems = _read(environ)
        problems = problems or _contradictions(value)
        if problems:
            raise ConfigError(*problems)
        return cls(
            data_dir=value["SUCCESSION_DATA_DIR"],
            keys_dir=_keys_dir(value),
            tsa_url=value["SUCCESSION_TSA_URL"],
            host=value["SUCCESSION_HOST"],
            port=value["SUCCESSION_PORT"],
            public_url=_public_url(value),
            trusted_proxies=tuple(each.strip() for each in value["SUCCESSION_TRUSTED_PROXIES"].split(",")),
            demo_mode=value["SUCCESSION_DEMO"],
            embedded=_embedded(value),
            session_idle_s=value["SUCCESSION_SESSION_IDLE_S"],
            session_absolute_s=value["SUCCESSION_SESSION_ABSOLUTE_S"],
            pool_app_size=value["SUCCESSION_POOL_APP_SIZE"],
            pool_worker_size=value["SUCCESSION_POOL_WORKER_SIZE"],
            pool_market_size=value["SUCCESSION_POOL_MARKET_SIZE"],
            standby_urls=value["DATABASE_STANDBY_URLS"] or (),
            standby_poolers=value["DATABASE_STANDBY_POOLERS"] or (),
            standby_lag_most_s=value["SUCCESSION_STANDBY_LAG_MOST_MS"] / 1000,
            pooler=value["DATABASE_POOLER"] == "transaction",
            rate_key=value["SUCCESSION_RATE_KEY"],
            rate_organisation=value["SUCCESSION_RATE_ORGANISATION"],
            rate_address=value["SUCCESSION_RATE_ADDRESS"],
            answers_kept=value["SUCCESSION_ANSWERS_KEPT"],
            batch_calendar=value["SUCCESSION_BATCH_CALENDAR"],
            spot_check_percent=_spot_check_percent(value),
            checkpoint_hours=value["SUCCESSION_CHECKPOINT_HOURS"],
            locale=value["SUCCESSION_LOCALE"],
            mail_from=value["SUCCESSION_MAIL_FROM"] or "succession@localhost.invalid",
            store_url=value["SUCCESSION_STORE_URL"] or (value["SUCCESSION_DATA_DIR"] / "store").as_uri(),
            store_endpoint=value["SUCCESSION_STORE_ENDPOINT"],
            store_region=value["SUCCESSION_STORE_REGION"],
            store_key_id=value["SUCCESSION_STORE_KEY_ID"],
            document_most_bytes=value["SUCCESSION_DOCUMENT_MOST_MB"] * 1_000_000,
            scan_command=value["SUCCESSION_SCAN_COMMAND"],
            scan_url=value["SUCCESSION_SCAN_URL"],
            store_secret=value["SUCCESSION_STORE_SECRET"],
            secret_key=value["SUCCESSION_SECRET_KEY"] or _kept_secret_key(value["SUCCESSION_DATA_DIR"]),
            secret_key_previous=value["SUCCESSION_SECRET_KEY_PREVIOUS"],
            smtp_url=value["SMTP_URL"],
            redis_url=value["REDIS_URL"],
            database_url=_owner_url(value["DATABASE_URL"], value["DATABASE_PASSWORD"]),
            role_urls=MappingProxyType(_role_urls(value)),
        )

    @property
    def mail_dir(self) -> Path:
        """Where mails go, one file each, when there is no relay."""
        return self.data_dir / "outbox-mail"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies may carry Secure: a browser drops those on plain http."""
        return self.public_url.startswith("https://")

    def role_url(self, role: str) -> str:
        """The database URL of one of DATABASE_ROLES; ConfigError when there is no database to connect to."""
        if role not in self.role_urls:
            raise ConfigError(f"DATABASE_URL is not set and no embedded server was started: no URL for {role}")
        return self.role_urls[role]

    def standby_url(self, standby: str, role: str) -> str:
        """The same database for the same role on one of `standby_urls` or `standby_poolers`."""
        return at_host(self.role_url(role), standby)

    def key(self, purpose: str) -> PurposeKey:
        """32 bytes for one purpose ("cursor", "csrf"): learning one key says nothing of another (HKDF, RFC 5869)."""
        if not purpose:
            raise ValueError("a key needs a purpose")
        key, *before = (_derived(root, purpose) for root in (self.secret_key, self.secret_key_previous) if root)
        return PurposeKey(key, tuple(before))


@lru_cache(maxsize=64)
def _derived(root: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"succession", info=purpose.encode()).derive(root)


def resource(relative: str) -> Path:
    """A file or directory that ships with the program, such as "db/migrations": in a checkout at its top, in an
    installed wheel inside the package."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / relative
    return Path(__file__).resolve().parent / "resources" / relative


def _read(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Each variable parsed, None where neither set nor defaulted; and what is wrong. An empty value counts as unset."""
    value: dict[str, Any] = {}
    problems: list[str] = []
    for variable in VARIABLES:
        text = environ.get(variable.name) or variable.default
        file = environ.get(f"{variable.name}_FILE") if variable.secret else None
        if file and environ.get(variable.name):
            problems.append(f"{variable.name} and {variable.name}_FILE are both set: keep one")
        elif file:
            try:
                text = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{variable.name}_FILE cannot be read: {type(error).__name__}")
        try:
            value[variable.name] = None if text is None else variable.kind.parse(text)
        except (ValueError, KeyError, OverflowError):
            shown = "" if variable.secret else f", not {text!r}"
            problems.append(f"{variable.name} must be {variable.kind.allowed}{shown}")
            value[variable.name] = None
    return value, problems


def _contradictions(value: Mapping[str, Any]) -> list[str]:
    """What only shows when two variables are read together."""
    problems = []
    if not value["SUCCESSION_SECRET_KEY"] and not value["SUCCESSION_DEMO"] and not _embedded(value):
        problems.append(f"SUCCESSION_SECRET_KEY must be set outside demo mode: {KEY.allowed}")
    idle_s, absolute_s = value["SUCCESSION_SESSION_IDLE_S"], value["SUCCESSION_SESSION_ABSOLUTE_S"]
    if idle_s and absolute_s and idle_s > absolute_s:
        problems.append(f"SUCCESSION_SESSION_IDLE_S must be at most SUCCESSION_SESSION_ABSOLUTE_S ({absolute_s})")
    if value["SMTP_URL"] and not value["SUCCESSION_MAIL_FROM"]:
        problems.append("SUCCESSION_MAIL_FROM must be set when SMTP_URL is: the sender's address")
    if value["SUCCESSION_SCAN_COMMAND"] and value["SUCCESSION_SCAN_URL"]:
        problems.append("SUCCESSION_SCAN_URL is not used when SUCCESSION_SCAN_COMMAND is set: keep one")
    public = urlsplit(value["SUCCESSION_PUBLIC_URL"] or "")
    if public.scheme == "http" and public.hostname not in _LOOPBACK and not value["SUCCESSION_DEMO"]:
        problems.append("SUCCESSION_PUBLIC_URL must start with https:// outside demo mode, unless it is this machine")
    if value["DATABASE_URL"] and user_of(value["DATABASE_URL"]) in (None, *DATABASE_ROLES):
        problems.append("DATABASE_URL must name the owner as its user, not a role the servers log in as")
    if value["DATABASE_URL"] and value["DATABASE_PASSWORD"] and urlsplit(value["DATABASE_URL"]).password:
        problems.append("DATABASE_PASSWORD is not used when DATABASE_URL has a password: keep one")
    if value["DATABASE_POOLER_HOST"] and value["DATABASE_POOLER"] != "transaction":
        problems.append("DATABASE_POOLER_HOST needs DATABASE_POOLER=transaction")
    if value["DATABASE_STANDBY_POOLERS"] and len(value["DATABASE_STANDBY_POOLERS"]) != len(value["DATABASE_STANDBY_URLS"] or ()):
        problems.append("DATABASE_STANDBY_POOLERS must name one for each of DATABASE_STANDBY_URLS, in their order")
    for role, end in DATABASE_ROLES.items():
        url = value[f"DATABASE_URL_{end}"]
        # Row-level security is written for these names: another user is either refused everything or shown everything.
        if url and user_of(url) != role:
            problems.append(f"DATABASE_URL_{end} must log in as {role}")
        if url and value[f"DATABASE_PASSWORD_{end}"]:
            problems.append(f"DATABASE_PASSWORD_{end} is not used when DATABASE_URL_{end} is set: keep one")
    return problems


def _embedded(value: Mapping[str, Any]) -> bool:
    return bool(value["SUCCESSION_EMBEDDED"]) or not (value["DATABASE_URL"] and value["REDIS_URL"])


def _keys_dir(value: Mapping[str, Any]) -> Path | None:
    """Where signing keys are; None where production has not said (succession.keys refuses to guess)."""
    own = value["SUCCESSION_DATA_DIR"] / "keys" if value["SUCCESSION_DEMO"] or _embedded(value) else None
    return value["SUCCESSION_KEYS_DIR"] or own


def _spot_check_percent(value: Mapping[str, Any]) -> int:
    chosen = value["SUCCESSION_SPOT_CHECK_PERCENT"]
    return chosen if chosen is not None else 0 if value["SUCCESSION_DEMO"] else 5


def _public_url(value: Mapping[str, Any]) -> str:
    if value["SUCCESSION_PUBLIC_URL"]:
        return value["SUCCESSION_PUBLIC_URL"].rstrip("/")
    host = _ANY_ADDRESS.get(value["SUCCESSION_HOST"], value["SUCCESSION_HOST"])
    return f"http://{f'[{host}]' if ':' in host else host}:{value['SUCCESSION_PORT']}"


def _owner_url(url: str | None, password: str | None) -> str | None:
    if not url or not password:
        return url
    return as_role(url, user_of(url) or "", password)


def _role_urls(value: Mapping[str, Any]) -> dict[str, str]:
    urls = {}
    for role, end in DATABASE_ROLES.items():
        url = value[f"DATABASE_URL_{end}"]
        if not url and value["DATABASE_URL"]:
            url = as_role(value["DATABASE_URL"], role, value[f"DATABASE_PASSWORD_{end}"])
        if url:
            urls[role] = url
        if url and not value[f"DATABASE_URL_{end}"] and value["DATABASE_POOLER_HOST"]:
            urls[role] = at_host(url, f"postgresql://{value['DATABASE_POOLER_HOST']}")
    return urls


def _kept_secret_key(data_dir: Path) -> bytes:
    """The key made on the first start and kept since. Processes that start together agree on one: link() never
    replaces, so whoever comes second reads what the first one wrote."""
    path = data_dir / "secret-key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = data_dir / f".secret-key-{os.getpid()}-{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_hex(SECRET_KEY_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise ConfigError("the secret-key file in SUCCESSION_DATA_DIR must be readable by its owner only (chmod 600)")
    try:
        return _secret_key(path.read_text(encoding="ascii").strip())
    except ValueError:
        raise ConfigError(f"the secret-key file in SUCCESSION_DATA_DIR must hold {KEY.allowed}") from None
