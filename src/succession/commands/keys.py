"""Which keys are there to sign with? Made here, in the directory that SUCCESSION_KEYS_DIR names; nothing secret is printed."""

from __future__ import annotations

import argparse

from succession import keys
from succession.config import ConfigError, Settings
from succession.store import wrapping


def run(arguments: list[str]) -> int:
    """`succession keys make` makes what is missing; `succession keys show` says what is in force."""
    parser = argparse.ArgumentParser(prog="succession keys")
    parser.add_argument("what", choices=("make", "show"), help="make what is missing, or show what signs today")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.keys_dir is None:
        raise ConfigError("SUCCESSION_KEYS_DIR must be set: a directory apart from the data")
    if chosen.what == "make":
        made = keys.make(settings.keys_dir, keys.house_of(settings)) + wrapping.make_first(settings.keys_dir)
        print(f"made: {', '.join(made)}" if made else "nothing was missing")
    sealing, checkpoint = keys.seal(settings), keys.checkpoint_key(settings)
    print(f"seal        {keys.key_id(sealing.key.public_key())}  until {sealing.certificate.not_valid_after_utc:%Y-%m-%d}")
    print(f"checkpoint  {keys.key_id(checkpoint.public_key())}")
    return 0
