"""Is every setting read as promised, and does a wrong one say what would have been right?"""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from succession import config
from succession.config import DATABASE_ROLES, ConfigError, Settings, as_role, resource

SECRET = "0123456789abcdef0123456789abcdef"
PRODUCTION = {
    "DATABASE_URL": "postgresql://owner:owner-pw@db.example:5433/succession?sslmode=require",
    "REDIS_URL": "redis://:redis-pw@cache.example/0",
    "SUCCESSION_SECRET_KEY": SECRET,
}


def problems(**changes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({**PRODUCTION, **changes})
    return str(caught.value)


def test_nothing_set_means_a_local_embedded_program(tmp_path):
    settings = Settings.from_env({"SUCCESSION_DATA_DIR": str(tmp_path)})
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8400, "http://127.0.0.1:8400")
    assert settings.embedded and not settings.demo_mode
    assert (settings.locale, settings.batch_calendar) == ("ja", "weekly")
    assert settings.mail_dir == tmp_path / "outbox-mail"
    assert settings.smtp_url is None and settings.database_url is None
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        settings.role_url("succession_app")


def test_default_data_dir_is_var_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings.from_env({}).data_dir == tmp_path / "var"


def test_role_urls_follow_the_owner_without_its_password():
    settings = Settings.from_env({**PRODUCTION, "DATABASE_PASSWORD_APP": "p@ss/word"})
    tail = "@db.example:5433/succession?sslmode=require"
    assert settings.role_url("succession_app") == f"postgresql://succession_app:p%40ss%2Fword{tail}"
    assert settings.role_url("market_public") == f"postgresql://market_public{tail}"
    assert set(settings.role_urls) == set(DATABASE_ROLES)
    assert not settings.embedded


def test_the_owner_password_may_stand_apart_and_reaches_no_role():
    bare = {**PRODUCTION, "DATABASE_URL": "postgresql://owner@db.example/succession"}
    settings = Settings.from_env({**bare, "DATABASE_PASSWORD": "owner-pw"})
    assert settings.database_url == "postgresql://owner:owner-pw@db.example/succession"
    assert not any("owner-pw" in url for url in settings.role_urls.values())
    assert Settings.from_env(bare).database_url == bare["DATABASE_URL"]


def test_an_explicit_role_url_wins():
    url = "postgresql://market_desk:x@standby.example/succession"
    settings = Settings.from_env({**PRODUCTION, "DATABASE_URL_MARKET_DESK": url})
    assert settings.role_url("market_desk") == url
    assert "db.example" in settings.role_url("market_buyer")


def test_as_role_over_a_unix_socket_means_the_same_to_both_drivers():
    url = as_role("postgresql://owner@/succession?host=/tmp/some dir&password=gone", "market_public")
    assert "gone" not in url
    sqlalchemy_url = make_url(url)
    assert sqlalchemy_url.username == "market_public" and sqlalchemy_url.query["host"] == "/tmp/some dir"
    addrs, params, *_ = asyncpg.connect_utils._parse_connect_dsn_and_args(
        dsn=url, host=None, port=None, user=None, password=None, passfile=None, database=None, ssl=None,
        direct_tls=None, server_settings=None, target_session_attrs=None, krbsrvname=None, gsslib=None, service=None,
        servicefile=None,
    )
    assert params.user == "market_public" and params.database == "succession"
    assert addrs == ["/tmp/some dir/.s.PGSQL.5432"]


@given(password=st.text(min_size=1))
def test_any_password_survives_the_url(password):
    url = as_role("postgresql://owner:old@h.example/db", "succession_app", password)
    assert make_url(url).password == password
    assert make_url(url).username == "succession_app"


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("SUCCESSION_PORT", "0", "from 1 to 65535"),
        ("SUCCESSION_PORT", "٨٤", "from 1 to 65535"),
        ("SUCCESSION_PORT", "-1", "from 1 to 65535"),
        ("SUCCESSION_BATCH_CALENDAR", "hourly", "weekly or daily"),
        ("SUCCESSION_LOCALE", "fr", "ja or en"),
        ("SUCCESSION_DEMO", "maybe", "1 or 0"),
        ("SUCCESSION_POOL_APP_SIZE", "many", "from 1 to 200"),
        ("SUCCESSION_SESSION_IDLE_S", "5", "from 60 to 86400"),
        ("SUCCESSION_PUBLIC_URL", "succession.example", "https:// or http://"),
        ("DATABASE_URL", "mysql://u@h/d", "postgresql:// or postgres://"),
        ("DATABASE_URL", "postgresql://[half", "postgresql:// or postgres://"),
        ("DATABASE_URL_WORKER", "worker", "postgresql:// or postgres://"),
        ("REDIS_URL", "http://h", "redis:// or rediss:// or unix://"),
        ("SMTP_URL", "mail.example", "smtp:// or smtps://"),
        ("SUCCESSION_SECRET_KEY", "short", "at least 32 bytes"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_is_allowed(name, text, allowed):
    message = problems(**{name: text})
    assert message.startswith(f"{name} must be ") and allowed in message


def test_every_problem_is_reported_at_once():
    message = problems(SUCCESSION_PORT="x", SUCCESSION_LOCALE="xx")
    assert "SUCCESSION_PORT" in message and "SUCCESSION_LOCALE" in message


@pytest.mark.parametrize("variable", [v.name for v in config.VARIABLES if v.secret])
def test_a_secret_value_is_never_echoed(variable, tmp_path):
    text = "mysql://hunter2:hunter2@h" if "URL" in variable else "hunter2"
    try:
        settings = Settings.from_env({**PRODUCTION, variable: text})
    except ConfigError as error:
        assert "hunter2" not in str(error)
    else:
        assert "hunter2" not in repr(settings)


def test_repr_shows_no_secret_and_no_url():
    environ = {**PRODUCTION, "SMTP_URL": "smtp://u:smtp-pw@m.example", "SUCCESSION_MAIL_FROM": "a@b.example"}
    shown = repr(Settings.from_env(environ))
    assert "port=8400" in shown
    for hidden in (SECRET, "owner-pw", "redis-pw", "smtp-pw", "db.example"):
        assert hidden not in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SUCCESSION_SECRET_KEY": ""}, "SUCCESSION_SECRET_KEY must be set outside demo mode"),
        ({"SUCCESSION_SESSION_IDLE_S": "600", "SUCCESSION_SESSION_ABSOLUTE_S": "60"}, "SUCCESSION_SESSION_IDLE_S"),
        ({"SMTP_URL": "smtp://mail.example"}, "SUCCESSION_MAIL_FROM must be set"),
        ({"SUCCESSION_PUBLIC_URL": "http://succession.example"}, "must start with https://"),
        ({"DATABASE_URL": "postgresql://succession_app@h.example/d"}, "must name the owner"),
        ({"DATABASE_URL": "postgresql://h.example/d?user=market_public"}, "must name the owner"),
        ({"DATABASE_URL": "postgresql://h.example/d"}, "must name the owner"),
        ({"DATABASE_PASSWORD": "x"}, "DATABASE_PASSWORD is not used"),
        ({"DATABASE_URL_MARKET_PUBLIC": "postgresql://owner@h.example/d"}, "must log in as market_public"),
        (
            {"DATABASE_URL_APP": "postgresql://succession_app@h.example/d", "DATABASE_PASSWORD_APP": "x"},
            "DATABASE_PASSWORD_APP is not used",
        ),
    ],
)
def test_values_that_contradict_each_other(changes, message):
    assert message in problems(**changes)


def test_public_url_has_no_trailing_slash_and_decides_about_cookies():
    settings = Settings.from_env({**PRODUCTION, "SUCCESSION_PUBLIC_URL": "https://succession.example/"})
    assert settings.public_url == "https://succession.example" and settings.secure_cookies
    assert not Settings.from_env({**PRODUCTION, "SUCCESSION_HOST": "0.0.0.0"}).secure_cookies
    assert Settings.from_env({**PRODUCTION, "SUCCESSION_HOST": "::"}).public_url == "http://[::1]:8400"


def test_secrets_may_come_from_files(tmp_path):
    file = tmp_path / "password"
    file.write_text("from-file\n")
    settings = Settings.from_env({**PRODUCTION, "DATABASE_PASSWORD_WORKER_FILE": str(file)})
    assert "succession_worker:from-file@" in settings.role_url("succession_worker")
    assert "both set" in problems(DATABASE_URL_FILE=str(file))
    assert "REDIS_URL_FILE cannot be read" in _file_problem(tmp_path / "absent")


def _file_problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({**{k: v for k, v in PRODUCTION.items() if k != "REDIS_URL"}, "REDIS_URL_FILE": str(path)})
    return str(caught.value)


def test_keys_differ_by_purpose_and_secret():
    one = Settings.from_env(PRODUCTION)
    other = Settings.from_env({**PRODUCTION, "SUCCESSION_SECRET_KEY": SECRET[::-1]})
    keys = {one.key("cursor"), one.key("csrf"), other.key("cursor"), one.secret_key}
    assert len(keys) == 4 and all(len(key) == 32 for key in keys)
    assert one.key("cursor") == Settings.from_env(PRODUCTION).key("cursor")
    with pytest.raises(ValueError):
        one.key("")


def test_the_generated_secret_is_kept_private_and_agreed_on(tmp_path):
    environ = {"SUCCESSION_DATA_DIR": str(tmp_path / "new"), "SUCCESSION_DEMO": "1"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        keys = {s.secret_key for s in pool.map(lambda _: Settings.from_env(environ), range(16))}
    assert len(keys) == 1 and len(keys.pop()) >= 32
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret-key"]
    kept = tmp_path / "new" / "secret-key"
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Settings.from_env(environ)
    kept.chmod(0o600)
    kept.write_text("cut")
    with pytest.raises(ConfigError, match="at least 32 bytes"):
        Settings.from_env(environ)


def test_production_never_uses_or_makes_a_key_file(tmp_path):
    Settings.from_env({"SUCCESSION_DATA_DIR": str(tmp_path), "SUCCESSION_DEMO": "1"})
    assert "SUCCESSION_SECRET_KEY must be set" in problems(SUCCESSION_DATA_DIR=str(tmp_path), SUCCESSION_SECRET_KEY="")


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings.from_env(PRODUCTION).port = 1
    with pytest.raises(TypeError):
        Settings.from_env(PRODUCTION).role_urls["market_public"] = "x"


def test_resources_are_found_in_a_checkout_and_beside_an_installed_package(tmp_path):
    assert resource("db/migrations").is_dir() and resource("i18n/babel.cfg").is_file()
    package = tmp_path / "site-packages" / "succession"
    package.mkdir(parents=True)
    for name in ("__init__.py", "addresses.py", "config.py", "i18n.py"):
        (package / name).write_bytes((resource("src/succession") / name).read_bytes())
    asked = "import sys; sys.path.insert(0, '.'); from succession.config import resource; print(resource('db/x'))"
    found = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True, cwd=package.parent
    )
    assert found.stdout.strip() == str(package / "resources" / "db" / "x")


def test_standbys_are_hosts_and_every_role_keeps_its_password_there():
    settings = Settings.from_env({**PRODUCTION, "DATABASE_PASSWORD_MARKET_BUYER": "pw", "DATABASE_STANDBY_URLS":
                                  "postgresql://s1.example:5433, postgresql://s2.example?sslmode=verify-full,postgresql:///?host=/run/pg&port=6"})
    first, second, third = (settings.standby_url(url, "market_buyer") for url in settings.standby_urls)
    assert first == "postgresql://market_buyer:pw@s1.example:5433/succession?sslmode=require"
    assert second == "postgresql://market_buyer:pw@s2.example/succession?sslmode=verify-full"
    assert third == "postgresql://market_buyer:pw@/succession?sslmode=require&host=/run/pg&port=6"
    assert settings.standby_lag_most_s == 2.0 and Settings.from_env(PRODUCTION).standby_urls == ()


def test_roles_log_in_through_the_pooler_and_the_owner_and_standbys_do_not():
    settings = Settings.from_env({**PRODUCTION, "DATABASE_POOLER": "transaction", "DATABASE_POOLER_HOST": "pool.example:6432",
                                  "DATABASE_URL_WORKER": "postgresql://succession_worker@other.example/succession"})
    assert settings.pooler and settings.role_url("succession_app") == "postgresql://succession_app@pool.example:6432/succession?sslmode=require"
    assert "other.example" in settings.role_url("succession_worker") and "db.example:5433" in settings.database_url
    assert settings.standby_url("postgresql://s1.example", "market_public").startswith("postgresql://market_public@s1.example/")
    assert "DATABASE_POOLER_HOST needs DATABASE_POOLER=transaction" in problems(DATABASE_POOLER_HOST="pool.example:6432")
    pooled = Settings.from_env({**PRODUCTION, "DATABASE_STANDBY_URLS": "postgresql://s1.example", "DATABASE_PASSWORD_MARKET_BUYER": "pw",
                                "DATABASE_STANDBY_POOLERS": "postgresql://pool.example:6432/succession_s1"})
    assert pooled.standby_url(pooled.standby_poolers[0], "market_buyer") == (
        "postgresql://market_buyer:pw@pool.example:6432/succession_s1?sslmode=require")
    assert "DATABASE_STANDBY_POOLERS must name one for each" in problems(DATABASE_STANDBY_POOLERS="postgresql://pool.example/s1")
    assert "DATABASE_POOLER must be none or transaction" in problems(DATABASE_POOLER="session")


@pytest.mark.parametrize("url", ["redis+sentinel://:p%40w@a.example:26379,b.example:26379/main/3", "rediss+sentinel://a.example:1/main",
                                 "redis+cluster://:pw@a.example:7000,b.example:7001", "rediss+cluster://[::1]:7000/"])
def test_redis_may_be_several(url):
    assert Settings.from_env({**PRODUCTION, "REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(("name", "text"), [
    ("REDIS_URL", "redis+sentinel://a.example:26379"),  # which service?
    ("REDIS_URL", "redis+sentinel://a.example/main"), ("REDIS_URL", "redis+cluster://a.example:7000/3"),
    ("DATABASE_STANDBY_URLS", "postgresql://me:hunter2@s.example"), ("DATABASE_STANDBY_URLS", "postgresql://s.example/succession"),
    ("DATABASE_STANDBY_URLS", "s.example:5432"), ("DATABASE_STANDBY_POOLERS", "postgresql://pool.example:6432"),
    ("DATABASE_STANDBY_POOLERS", "postgresql://me:hunter2@pool.example/s1"), ("SUCCESSION_STANDBY_LAG_MOST_MS", "5"),
])  # fmt: skip
def test_several_servers_written_wrongly_are_explained(name, text):
    message = problems(**{name: text})
    assert message.startswith(f"{name} must be ") and "hunter2" not in message
