"""The shape of the code: sizes, names, and what no file may contain."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "victor_nb").rglob("*.py"))
OTHERS = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
STRAY = {"utils", "util", "helpers", "helper", "common", "misc"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def too_long_functions(path: Path, limit: int) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > limit:
                yield f"{name_of(path)}: {node.name} has {lines} lines"


def names_in(path: Path) -> set[str]:
    """What a module defines and (for a package) what it takes from its modules to hand on, private names excepted."""
    names: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif (
            isinstance(node, ast.ImportFrom) and path.name == "__init__.py" and (node.module or "").startswith("victor")
        ):
            names |= {alias.asname or alias.name for alias in node.names}
    return {name for name in names if not name.startswith("_")}


def declared(path: Path) -> list[str] | None:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            return [name for name in ast.literal_eval(node.value) if not name.startswith("__")]
    return None


WITH_ALL = [path for path in PACKAGE if declared(path) is not None]


def test_files_are_short() -> None:
    long = {name_of(path): n for path in [*PACKAGE, *OTHERS] if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_functions_are_short() -> None:
    assert [found for path in [*PACKAGE, *OTHERS] for found in too_long_functions(path, 60)] == []


def test_the_contracts_fit_on_a_page() -> None:
    assert len((ROOT / "victor_nb" / "protocols.py").read_text().splitlines()) <= 200


def test_a_public_class_name_means_one_thing() -> None:
    classes = [node.name for path in PACKAGE for node in tree(path).body if isinstance(node, ast.ClassDef)]
    twice = {name for name, count in Counter(classes).items() if count > 1 and not name.startswith("_")}
    assert twice == set()


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    assert [name_of(path) for path in PACKAGE if STRAY & {path.stem, *path.relative_to(ROOT).parts}] == []


@pytest.mark.parametrize("path", WITH_ALL, ids=name_of)
def test_all_is_complete(path: Path) -> None:
    """Constants may stay out of `__all__`; everything in it must exist, be it made at its first use."""
    names = declared(path) or []
    assert sorted(name for name in names_in(path) - set(names) if not name.isupper()) == []
    assert len(names) == len(set(names))
    if unseen := sorted(set(names) - names_in(path)):
        script = f"import {module_of(path)} as module; assert all(hasattr(module, name) for name in {unseen})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_package_declares_what_it_hands_on() -> None:
    assert [name_of(path) for path in PACKAGE if path.name == "__init__.py" and names_in(path)] == [
        name_of(path) for path in WITH_ALL if path.name == "__init__.py" and names_in(path)
    ]


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_is_mocked() -> None:
    mocked = [
        name_of(path)
        for path in [*PACKAGE, *OTHERS]
        if any(name.startswith(("unittest.mock", "mock.", "pytest_mock")) for name in imported_modules(path))
    ]
    assert mocked == []


def test_no_model_text_is_displayed_as_markdown() -> None:
    """IPython's Markdown runs scripts in the browser; answers are rendered in the kernel instead."""
    runs_scripts = [
        name_of(path) for path in PACKAGE for name in imported_modules(path) if name.endswith("display.Markdown")
    ]
    called = [
        name_of(path)
        for path in PACKAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Markdown"
    ]
    assert runs_scripts + called == []
