"""Which command does what? The one executable: `succession <command>`."""

from __future__ import annotations

import importlib
import sys

from succession.config import ConfigError

# command: (module with `run(arguments: list[str]) -> int`, what it is for)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("succession.demo", "build the demo world, start everything, walk one deal over HTTP"),
    "serve": ("succession.serve", "the API process"),
    "worker": ("succession.worker", "deliver the outbox, close batches and months"),
    "migrate": ("succession.commands.migrate", "bring the database to this version"),
    "operator": ("succession.commands.operator", "make the first operator; only here, never over HTTP"),
    "population": ("succession.commands.population", "import or build the reference population and its codebook"),
    "codebook": ("succession.commands.codebook", "propose the order of a codebook from what buyers filter by"),
    "market": ("succession.commands.market", "close the publication batch now"),
    "bench": ("succession.commands.bench", "measure search against a bare handler, and facets against GROUP BY"),
    "document": ("succession.commands.document", "name who had a copy; move documents of before"),
    "screening": ("succession.commands.screening", "import lists of names to screen buyers against"),
    "ledger": ("succession.commands.ledger", "verify and sign disclosure ledgers, write case files, erase a person"),
    "keys": ("succession.commands.keys", "make the keys that documents and checkpoints are signed with"),
    "backup": ("succession.commands.backup", "make a sealed backup, and prove in a drill that it can be restored"),
    "retention": ("succession.commands.retention", "what is kept for how long, what is due, legal holds"),
    "metrics": ("succession.commands.metrics", "close months and print figures"),
    "openapi": ("succession.commands.openapi", "print the OpenAPI document"),
    "schema": ("succession.commands.schema", "write db/schema.sql from the migrations"),
    "check": ("succession.commands.check", "are the catalogues complete?"),
}


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong call or settings."""
    name, *rest = (arguments if arguments is not None else sys.argv[1:]) or ["--help"]
    if name not in COMMANDS:
        print("usage: succession <command> [options]\n")
        for command, (_module, purpose) in COMMANDS.items():
            print(f"  {command:<12}{purpose}")
        return 0 if name in ("-h", "--help") else 2
    try:
        return importlib.import_module(COMMANDS[name][0]).run(rest)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
