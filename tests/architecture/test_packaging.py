"""Does what we ship fit together: requirements and pins, image and compose file, variables and roles, two commands?"""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from succession.config import DATABASE_ROLES, VARIABLES, Settings, resource

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VARIABLE_NAMES = {variable.name for variable in VARIABLES}
SECRET_NAMES = {variable.name for variable in VARIABLES if variable.secret}
PROGRAMS = ("migrate", "api", "worker")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str) -> tuple[str, set[str], str]:
    """Name, extras and marker of a requirement."""
    head, _, marker = text.partition(";")
    name = re.match(r"[A-Za-z0-9._-]+", head)[0]
    extras = re.search(r"\[(.*?)\]", head)
    return normal(name), set(map(normal, extras[1].split(","))) if extras else set(), marker


# --- requirements and pins -----------------------------------------------------------------------------------------


def pins() -> dict[str, str]:
    lines = [line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


# Extras the suite runs without: a model of several hundred megabytes is nobody's default, and other frameworks are a bench's.
NOT_IN_THE_SUITE = {"ner", "peers"}


def direct_requirements() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"]
    groups = [group for name, group in extras.items() if name not in NOT_IN_THE_SUITE]
    return PROJECT["project"]["dependencies"] + [each for group in groups for each in group]


def test_what_the_suite_runs_without_is_bounded_and_installed_by_nobody_unasked():
    extras = PROJECT["project"]["optional-dependencies"]
    assert all(re.search(r">=.*,<", each) for name in NOT_IN_THE_SUITE for each in extras[name])
    # What is compared with is asked for by the one target that compares.
    makefile, image = (ROOT / "Makefile").read_text(), (ROOT / "docker" / "Dockerfile").read_text()
    assert not re.search(r"\[[^]]*\bner\b", makefile + image)


def needed() -> Iterator[str]:
    """Every distribution the project and its extras need in this environment, however far away."""
    waiting, seen = [requirement(each)[:2] for each in direct_requirements()], set()
    while waiting:
        name, extras = waiting.pop()
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        yield name
        for line in importlib.metadata.requires(name) or []:
            inner, inner_extras, marker = requirement(line)
            wanted = re.search(r"""extra\s*==\s*["'](.*?)["']""", marker)
            installed = bool(list(importlib.metadata.distributions(name=inner)))
            if installed and (wanted is None or normal(wanted[1]) in extras):
                waiting.append((inner, inner_extras))


def test_constraints_are_exact_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [line for line in lines if not line.startswith("#")]
    assert found and all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in found)
    assert found == sorted(found, key=lambda line: line.split("==")[0])


def test_every_requirement_is_pinned_also_the_indirect_ones():
    missing = set(needed()) - set(pins())
    assert missing == set()
    assert {requirement(each)[0] for each in direct_requirements()} <= set(pins())


def test_the_suite_runs_with_the_pinned_versions():
    installed = {name: importlib.metadata.version(name) for name in needed()}
    assert {name: version for name, version in installed.items() if pins()[name] != version} == {}


def test_pins_hold_nothing_that_nothing_needs():
    assert set(pins()) - set(needed()) <= {"async-timeout"}  # before Python 3.11.3 only


# --- what is in the package ----------------------------------------------------------------------------------------


def test_a_wheel_holds_what_resource_looks_for():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    for folder in ("db", "i18n"):
        assert f"/{folder}" in wheel["include"]
        assert wheel["sources"][folder] == f"succession/resources/{folder}"
        assert resource(folder) == ROOT / folder and resource(folder).is_dir()


def test_the_licence_is_the_one_declared():
    assert PROJECT["project"]["license"] == "MIT"
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License") and "The succession authors" in text


# --- two commands --------------------------------------------------------------------------------------------------


def dry_run(*arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    return subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, env=clean, check=True, capture_output=True, text=True
    ).stdout


def test_make_targets_hand_over_to_the_program():
    assert "exec .venv/bin/python -m succession demo --exit\n" in dry_run("demo", "ARGS=--exit")
    assert "exec .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -k x\n" in dry_run("test", "ARGS=-k x")
    for target in ("attacks", "chaos", "browser", "bench", "messages", "clean"):
        assert dry_run(target).strip()


def test_continuous_integration_runs_the_same_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"


# --- the image -----------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "docker" / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def test_the_image_does_not_run_as_root_and_says_how_it_is():
    last_from = max(i for i, (word, _) in enumerate(instructions()) if word == "FROM")
    final = instructions()[last_from:]
    users = [rest for word, rest in final if word == "USER"]
    assert users and users[-1] not in ("root", "0")
    assert any(word == "HEALTHCHECK" and "/readyz" in rest for word, rest in final)
    assert ("ENTRYPOINT", '["succession"]') in final and "succession" in PROJECT["project"]["scripts"]


def test_the_image_is_slim_and_of_a_python_we_support():
    for word, rest in instructions():
        if word == "FROM":
            version = re.match(r"python:3\.(\d+)-slim", rest)
            assert version and int(version[1]) >= 11


def test_the_image_installs_the_pinned_wheel_without_the_embedded_servers():
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    assert len(installs) == 1 and "-c constraints.txt" in installs[0] and ".whl" in installs[0]
    assert not any("embedded" in rest for _, rest in instructions())


def test_what_the_image_copies_exists_and_is_not_ignored():
    allowed = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [shlex.split(rest)[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    assert copied
    for source in (each for group in copied for each in group):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed


def test_the_environment_of_the_image_is_ours():
    for word, rest in instructions():
        if word == "ENV":
            names = {pair.split("=")[0] for pair in shlex.split(rest)}
            assert names <= VARIABLE_NAMES | {"PATH", "PYTHONUNBUFFERED"}


# --- the compose file ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())


@pytest.fixture(scope="module")
def made_secrets(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run(["sh", ROOT / "docker" / "secrets.sh", path], check=True)
    return path


def test_compose_has_the_eight_services(compose):
    assert set(compose["services"]) == {"migrate", "api", "nginx", "worker", "pooler", "db", "standby", "redis"}
    assert compose["services"]["db"]["image"] == compose["services"]["standby"]["image"] == "postgres:18"
    assert compose["services"]["api"]["deploy"]["replicas"] >= 2 and "ports" not in compose["services"]["api"]
    assert compose["services"]["migrate"]["restart"] == "no"
    for name in ("api", "worker"):
        assert compose["services"][name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_compose_sets_only_variables_that_exist_and_no_secret_in_the_open(compose):
    for name in PROGRAMS:
        for variable, text in compose["services"][name]["environment"].items():
            assert variable in VARIABLE_NAMES or variable.removesuffix("_FILE") in SECRET_NAMES, variable
            assert not re.search(r"://[^/@]*:[^/@]+@", str(text)), f"{variable} shows a password"


def test_secrets_are_declared_mounted_and_made(compose, made_secrets):
    assert {path.name for path in made_secrets.iterdir()} == set(compose["secrets"])
    for service in compose["services"].values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
    for name in PROGRAMS:
        service = compose["services"][name]
        files = {str(v) for k, v in service["environment"].items() if k.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}


def test_the_standby_follows_with_a_password_that_opens_nothing_else(compose):
    standby = compose["services"]["standby"]
    assert standby["secrets"] == ["succession_replicator"] and "succession_replicator" in compose["services"]["db"]["secrets"]
    assert not any("succession_replicator" in compose["services"][name]["secrets"] for name in PROGRAMS)
    assert standby["environment"] == {"PRIMARY_HOST": "db"} and standby["depends_on"] == {"db": {"condition": "service_healthy"}}
    mounted = {each.split(":")[0] for each in standby["volumes"]}
    assert "./standby.sh" in mounted and os.access(ROOT / "docker" / "standby.sh", os.X_OK)
    assert mounted.isdisjoint(each.split(":")[0] for each in compose["services"]["db"]["volumes"])  # a copy, not the same files
    script = (ROOT / "docker" / "standby.sh").read_text()
    assert "pg_basebackup" in script and "hot_standby_feedback=on" in script and not re.search(r"--?password[= ]", script, re.I)
    assert "host replication succession_replicator all scram-sha-256" in (ROOT / "docker" / "roles.sh").read_text()
    for name in ("api", "worker"):
        filled = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", compose["services"][name]["environment"]["DATABASE_STANDBY_URLS"])
        assert {urlsplit(url).hostname for url in filled.split(",")} <= set(compose["services"])


def test_roles_come_through_the_pooler_and_owner_and_followers_do_not(compose, made_secrets):
    """What PgBouncer makes of this file: tests/many/test_pooler.py."""
    pooler = compose["services"]["pooler"]
    assert pooler["secrets"] == ["pooler_users"] and pooler["networks"] == ["servers"] and pooler["read_only"] and "ports" not in pooler
    assert pooler["volumes"] == ["./pgbouncer.ini:/etc/pgbouncer/pgbouncer.ini:ro"]
    image = (ROOT / "docker" / pooler["build"]["dockerfile"]).read_text()
    assert f"FROM {compose['services']['db']['image']}\n" in image and re.search(r"^USER postgres$", image, re.M) and "COPY" not in image
    assert (ROOT / "docker" / f"{pooler['build']['dockerfile']}.dockerignore").read_text().splitlines()[-1] == "*"
    ini = configparser.ConfigParser()
    ini.read(ROOT / "docker" / "pgbouncer.ini")
    hosts = {name: re.search(r"host=(\S+)", text)[1] for name, text in ini["databases"].items()}
    assert hosts == {"succession": "db", "succession_standby": "standby"} and set(hosts.values()) <= set(compose["services"])
    stated = ini["pgbouncer"]
    assert stated["pool_mode"] == "transaction" and stated["auth_type"] == "scram-sha-256" and stated["auth_file"] == "/run/secrets/pooler_users"
    assert not {"admin_users", "stats_users", "auth_query", "ignore_startup_parameters"} & set(stated)
    assert int(stated["default_pool_size"]) * len(DATABASE_ROLES) <= int(stated["max_db_connections"]) < 100
    told = dict(re.findall(r'^"(\w+)" "(\w+)"$', (made_secrets / "pooler_users").read_text(), re.M))
    assert told == {role: (made_secrets / role).read_text() for role in DATABASE_ROLES}  # and not the owner
    for name in ("api", "worker"):
        service = compose["services"][name]
        assert service["depends_on"]["pooler"] == {"condition": "service_healthy"}
        assert service["environment"]["DATABASE_POOLER_HOST"] == f"pooler:{stated['listen_port']}"
        (pooled,) = re.fullmatch(r"\$\{\w+:-(.*)\}", service["environment"]["DATABASE_STANDBY_POOLERS"])[1].split(",")
        assert (urlsplit(pooled).hostname, urlsplit(pooled).port) == ("pooler", int(stated["listen_port"])) and urlsplit(pooled).path[1:] in hosts


def test_nginx_stands_before_the_api_and_holds_nothing_back(compose):
    nginx, conf = compose["services"]["nginx"], (ROOT / "docker" / "nginx.conf").read_text()
    stated = re.sub(r"^\s*#.*\n", "", conf, flags=re.M)
    (listens,) = re.findall(r"listen (\d+);", stated)
    assert nginx["ports"] == [f"127.0.0.1:8400:{listens}"] and f":{listens}/readyz" in nginx["healthcheck"]["test"][-1]
    assert nginx["volumes"] == ["./nginx.conf:/etc/nginx/nginx.conf:ro"] and nginx["read_only"] and "secrets" not in nginx
    assert re.search(r"server api:8400 .*;", stated) and ("EXPOSE", "8400") in instructions()
    for line in ("proxy_request_buffering off;", "proxy_buffering off;", "access_log off;", "proxy_set_header Host $http_host;",
                 "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "proxy_next_upstream error timeout;"):
        assert line in stated
    (most,) = re.findall(r"client_max_body_size (\d+)m;", stated)
    assert int(most) > int(next(each.default for each in VARIABLES if each.name == "SUCCESSION_DOCUMENT_MOST_MB"))
    trusted = ip_network(re.search(r":-127\.0\.0\.1,(\S+)\}", compose["services"]["api"]["environment"]["SUCCESSION_TRUSTED_PROXIES"])[1])
    for network in nginx["networks"]:
        assert ip_network(compose["networks"][network]["ipam"]["config"][0]["subnet"]).subnet_of(trusted)


def test_every_process_is_told_where_documents_lie_and_only_a_file_tells_the_secret(compose):
    wanted = {name for name in VARIABLE_NAMES if name.startswith("SUCCESSION_STORE_")} - {"SUCCESSION_STORE_SECRET"} | {"SUCCESSION_STORE_SECRET_FILE"}
    for name in PROGRAMS:
        service = compose["services"][name]
        assert wanted <= set(service["environment"]) and "store_secret" in service["secrets"], name
        assert "outside" in service["networks"] and any(str(each).startswith("files:") for each in service["volumes"]), name


def test_each_process_gets_its_own_passwords_only(compose):
    passwords = {"succession_owner", *DATABASE_ROLES}
    given = {name: passwords & set(compose["services"][name]["secrets"]) for name in PROGRAMS}
    assert given["migrate"] == {"succession_owner"}
    assert given["worker"] == {"succession_worker"}
    assert given["api"] == set(DATABASE_ROLES) - {"succession_worker"}
    assert passwords <= set(compose["services"]["db"]["secrets"])


def test_made_secrets_are_private_distinct_and_kept(made_secrets):
    assert made_secrets.stat().st_mode & 0o077 == 0
    texts = {path.name: path.read_text() for path in made_secrets.iterdir()}
    assert len(set(texts.values())) == len(texts)
    composed = {"redis_conf", "redis_url", "pooler_users"}
    assert all(re.fullmatch("[0-9a-f]{64}", text) for name, text in texts.items() if name not in composed)
    subprocess.run(["sh", ROOT / "docker" / "secrets.sh", made_secrets], check=True)
    assert texts == {path.name: path.read_text() for path in made_secrets.iterdir()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_settings_can_be_read_from_what_compose_gives(compose, made_secrets, name):
    environ = {}
    for variable, text in compose["services"][name]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?.*?\}", "https://succession.example", str(text))
        filled = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", filled)
        environ[variable] = filled.replace("/run/secrets", str(made_secrets))
    settings = Settings.from_env(environ)
    assert not settings.embedded and not settings.demo_mode and settings.secure_cookies
    owner_knows = ":" in settings.database_url.partition("://")[2].partition("@")[0]
    assert owner_knows == (name == "migrate")


@pytest.mark.embedded
def test_roles_of_the_container_carry_the_migrations(made_secrets, tmp_path):
    """The container's first script on our own server: owner without superuser, each role with a password, and the
    first migration runs as that owner."""
    from succession import embedded
    from succession.embedded_files import wheel_programs

    psql = str(wheel_programs() / "psql")
    with embedded.start(tmp_path / "db", redis=False, throwaway=True) as servers:
        sockets = servers.database_url.partition("host=")[2].partition("&")[0]
        path = f"{wheel_programs()}:{os.environ['PATH']}"
        environ = {"PATH": path, "PGHOST": sockets, "SECRETS_DIR": str(made_secrets)}
        for statement in ("DROP DATABASE succession", "DROP OWNED BY succession_owner", "DROP ROLE succession_owner"):
            argv = [psql, "-X", "-U", "postgres", "-d", "template1", "-c", statement]
            subprocess.run(argv, env=environ, check=True, capture_output=True)
        subprocess.run(["sh", ROOT / "docker" / "roles.sh"], env=environ, check=True)

        def ask(statement: str, user: str = "postgres") -> str:
            argv = [psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", "succession", "-c", statement]
            return subprocess.run(argv, env=environ, check=True, capture_output=True, text=True).stdout.strip()

        with_password = "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY 1"
        assert ask(with_password).splitlines() == sorted(["succession_owner", "succession_replicator", *DATABASE_ROLES])
        privileged = "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolsuper"
        assert ask(privileged) == "0"
        plain = "SELECT count(*) FROM pg_authid WHERE (rolbypassrls OR rolcreaterole) AND rolname LIKE 'market%'"
        assert ask(plain) == "0"
        replicator = "SELECT rolreplication AND NOT (rolsuper OR rolcreaterole OR rolbypassrls) FROM pg_roles WHERE rolname = 'succession_replicator'"
        assert ask(replicator) == "t"
        migrations = sorted((ROOT / "db" / "migrations").glob("*.sql"))
        for path in (migrations[0], *(each for each in migrations if "waits_end_by_role" in each.name)):  # the latter finds it done
            argv = [psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-U", "succession_owner", "-d", "succession", "-f", path]
            subprocess.run(argv, env=environ, check=True, capture_output=True)
        assert ask("SHOW statement_timeout", "succession_app") == "15s" and ask("SHOW statement_timeout", "succession_worker") == "2min"
        assert ask("SELECT has_schema_privilege('succession_app', 'vault', 'USAGE')") == "t"
        servers.discard()


# --- what is tracked -----------------------------------------------------------------------------------------------


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_tracked_files_name_no_machine_no_registry_and_hold_no_key():
    here = str(ROOT) + "/" if len(ROOT.parts) > 2 else "\0"
    machines = (re.escape(here), r"/home/[a-z]", r"/Users/[a-z]")
    registries = (r"pypi\.", "pythonhosted", r"registry\.npm", "index-url", "find-links")
    forbidden = re.compile("|".join((*machines, *registries, "BEGIN [A-Z ]*PRIVATE KEY")))
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if forbidden.search(line) and path != Path(__file__).resolve()
    ]
    assert found == []


def test_no_generated_or_private_file_is_tracked():
    folders, endings = r"(^|/)(\.venv|var|secrets|\.env|__pycache__)(/|$)", r"\.(mo|pyc|pem|key|whl|ttf|otf)$"
    private = re.compile(f"{folders}|{endings}|secret-key$")
    assert [path for path in tracked() if private.search(str(path.relative_to(ROOT)))] == []
