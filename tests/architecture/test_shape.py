"""Does the tree keep the shape that the design promises? Imports point one way; files and functions stay readable."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "succession"
SLICES = ("accounts", "listings", "anonymity", "market", "disclosure", "deals", "metrics", "pages")
# The composition root and the programs may import everything; nothing imports them.
TOP = {"app", "__main__", "demo", "serve", "worker", "jobs", "commands"}
FILE_LINES, FUNCTION_LINES = 450, 70

MODULES = sorted(SOURCE.rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "succession":
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}".removeprefix("succession.")
                inside = SOURCE / Path(*dotted.split("."))
                is_module = inside.with_suffix(".py").is_file() or (inside / "__init__.py").is_file()
                found.add(dotted if is_module else node.module.removeprefix("succession").lstrip("."))
    return found - {""}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_one_way(path):
    here = _name(path).split(".")
    for imported in _imports(path):
        there = imported.split(".")
        if there[0] in TOP:
            assert here[0] in TOP, f"{_name(path)} imports the program {imported}"
        if here[0] in SLICES and there[0] in SLICES and here[0] != there[0]:
            assert SLICES.index(there[0]) < SLICES.index(here[0]), f"{_name(path)} imports {imported} from a later slice"
        if here[0] not in SLICES and here[0] not in TOP:
            pure_help = imported in ("accounts.identifiers",)
            assert there[0] not in SLICES or pure_help, f"{_name(path)} belongs to the frame and imports slice {imported}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_table_models_stay_on_the_write_side(path):
    leaf = path.stem
    if leaf in ("routes", "queries"):
        assert not [i for i in _imports(path) if i.split(".")[0] == "tables"], f"{_name(path)} touches table models"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_files_and_functions_fit_a_screen_or_a_few(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES, f"{_name(path)} is {len(text.splitlines())} lines long"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{_name(path)}.{node.name} is {length} lines long"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_which_question_it_answers(path):
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc and "Stub" not in doc, f"{_name(path)} has no docstring"


def test_no_module_is_called_utils_helpers_manager_or_base():
    assert not [p for p in MODULES if p.stem in ("utils", "helpers", "manager", "base", "misc", "common")]


def test_the_api_process_loads_nothing_that_only_others_use():
    """What draws and seals is the worker's and its children's: tens of megabytes that each API process does without."""
    seen = "import succession.app, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert "litestar" in loaded and not {"fpdf", "pikepdf", "pyhanko", "pypdfium2", "uharfbuzz"} & set(loaded)
