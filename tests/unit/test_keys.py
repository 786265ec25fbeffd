"""Are signing keys made once, kept apart, and never made by a production process itself?"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from succession import keys
from succession.commands import keys as command
from succession.config import ConfigError, Settings

PRODUCTION = {"DATABASE_URL": "postgresql://owner:pw@db.example/succession", "REDIS_URL": "redis://cache.example/0",
              "SUCCESSION_SECRET_KEY": "s" * 32, "SUCCESSION_PUBLIC_URL": "https://succession.example"}


def test_a_demo_makes_its_keys_once_however_many_ask(tmp_path):
    settings = Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(tmp_path)})
    with ThreadPoolExecutor(8) as pool:
        ids = {keys.key_id(found.key.public_key()) for found in pool.map(lambda _: keys.seal(settings), range(8))}
        signers = {keys.key_id(found.public_key()) for found in pool.map(lambda _: keys.checkpoint_key(settings), range(8))}
    assert len(ids) == len(signers) == 1
    kept = {path.name for path in (tmp_path / "keys").iterdir()}
    assert {name for name in kept if not name.endswith(".pub")} == {keys.SEAL, keys.CHECKPOINT}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "keys").iterdir())


def test_the_certificate_is_of_the_key_and_says_whose_seal_it_is(tmp_path):
    assert keys.make(tmp_path, "succession.example") == [keys.SEAL, keys.CHECKPOINT]
    assert keys.make(tmp_path, "other.example") == [], "what exists is kept"
    found = keys.seal(Settings.from_env({**PRODUCTION, "SUCCESSION_KEYS_DIR": str(tmp_path)}))
    assert "succession.example" in found.certificate.subject.rfc4514_string()
    found.certificate.public_key().verify(found.key.sign(b"text", ECDSA(SHA256())), b"text", ECDSA(SHA256()))


def test_production_is_told_what_is_missing_and_makes_nothing(tmp_path):
    with pytest.raises(ConfigError, match="SUCCESSION_KEYS_DIR must be set"):
        keys.seal(Settings.from_env(PRODUCTION))
    settings = Settings.from_env({**PRODUCTION, "SUCCESSION_KEYS_DIR": str(tmp_path)})
    with pytest.raises(ConfigError, match="succession keys make"):
        keys.checkpoint_key(settings)
    assert list(tmp_path.iterdir()) == []
    keys.make(tmp_path, "succession.example")
    (tmp_path / keys.CHECKPOINT).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.checkpoint_key(settings)
    (tmp_path / keys.SEAL).write_text("no key")
    with pytest.raises(ConfigError, match="no key that can be read"):
        keys.seal(settings)


def test_the_command_makes_and_shows_and_prints_no_secret(tmp_path, monkeypatch, capsys):
    for name, value in {**PRODUCTION, "SUCCESSION_KEYS_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert command.run(["make"]) == 0 and command.run(["make"]) == 0 and command.run(["show"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("made: seal.pem, checkpoint.pem") and "nothing was missing" in said and "PRIVATE" not in said
