"""The documentation's tables say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest

import victor_nb as vn
from victor_nb import Settings, errors
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import allowed_values
from victor_nb.events import PAYLOADS
from victor_nb.frames import Analytics
from victor_nb.models import PROVIDERS, parse
from victor_nb.notebook.grammar.arguments import cell_help
from victor_nb.prompt import builtin_contributors
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel, call

ROOT = Path(__file__).parents[2]
GUIDE, ANALYTICS, CONFIGURATION, PROMPTS, README = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/guide.md", "docs/analytics.md", "docs/configuration.md", "docs/prompts.md", "README.md")
)
FRAMES = ("events", "turns", "requests", "tool_calls", "compactions", "sessions", "feedback", "exports", "summary")


def table(page: str, marker: str) -> list[list[str]]:
    """The rows of the table after a marker, without its head."""
    after = page.partition(f"<!-- {marker} -->\n")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in after.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_setting_is_told_with_its_default_and_what_it_may_be():
    rows = table(CONFIGURATION, "settings")
    told = {names(name)[0]: default for name, default, _, _ in rows}
    assert list(told) == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if field.default_factory is None:
            assert told[name] == ("–" if field.default is None else f"`{field.default!r}`")
        else:
            assert not told[name].startswith("`")
    assert {names(name)[0]: allowed for name, _, allowed, _ in rows} == {name: allowed_values(name) for name in told}


def test_every_built_in_contributor_is_told_with_its_priority_and_setting():
    told = {names(row[0])[0].partition("(")[0]: row[1:3] for row in table(PROMPTS, "contributors")}
    settings = Settings(
        prompt_language="de", prompt_code_style="pep8", prompt_compliance="x", prompt_notebook=True, prompt_project=True
    )
    made = builtin_contributors(**settings.prompt_options())
    assert {type(one).__name__: str(one.priority()) for one in made} == {name: row[0] for name, row in told.items()}
    assert {names(row[1])[0] for row in told.values()} == {f"prompt_{name}" for name in settings.prompt_options()}


def test_the_help_of_the_magics_is_quoted():
    quoted = GUIDE.partition("<!-- %%victor? -->\n```text\n")[2].partition("```")[0]
    assert quoted.strip() == cell_help().strip()


def test_every_error_told_exists_and_every_leaf_of_the_tree_is_told():
    told = {names(row[0])[0] for row in table(GUIDE, "errors")}
    tree = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    leaves = {name for name, kind in tree.items() if issubclass(kind, vn.VictorError) and not kind.__subclasses__()}
    assert told <= set(tree)
    assert leaves - told == {"StoreVersionError"}  # its base is told


@pytest.mark.parametrize(
    "text", re.findall(r"`([\w-]+:[\w.-]+)`", GUIDE.partition("## Models")[2].partition("## Tools")[0])
)
def test_models_in_the_guide_can_be_named(text):
    assert parse(text).provider in PROVIDERS


def test_every_event_is_told_with_its_fields():
    told = {names(row[0])[0]: names(row[2]) for row in table(ANALYTICS, "events")}
    assert told == {name: list(get_type_hints(payload)) for name, payload in PAYLOADS.items()}


async def test_content_is_where_the_table_says(own_home):
    def divide(a: int, b: int) -> float:
        return a / b

    model = ScriptedModel(call("divide", a=1, b=0), "No.", errors.ModelResponseError("garbled"))
    orchestrator = AgentOrchestrator(model=model, tools=[divide])
    vn.rate(await orchestrator.chat("What is 1 / 0?"), 1, "It admits it.")
    with pytest.raises(errors.ModelResponseError):
        await orchestrator.chat("And 2 / 0?")
    store = orchestrator.analytics_coordinator.store
    store.flush()
    found: dict[str, set[str]] = {}
    for event in store.read(vn.protocols.EventQuery()):
        found.setdefault(event.type, set()).update(json.loads(event.content or "{}"))
    told = {names(row[0])[0]: set(names(row[3])) for row in table(ANALYTICS, "events")}
    assert found == {name: told[name] for name in found}
    assert set().union(*found.values()) == set().union(*told.values())
    orchestrator.close()


@pytest.fixture
def empty_frames():
    analytics = Analytics(lambda: SQLiteStore(None))
    return {name: getattr(analytics, name)() for name in FRAMES}


def test_every_frame_is_told_with_its_columns(empty_frames):
    told = {names(row[0])[0].removesuffix("()"): names(row[2]) for row in table(ANALYTICS, "frames")}
    assert told == {name: list(frame.columns) for name, frame in empty_frames.items()}


def test_every_column_is_told_with_its_dtype(empty_frames):
    told = {(names(row[0])[0], names(row[1])[0]) for row in table(ANALYTICS, "columns")}
    assert told == {(name, str(kind)) for frame in empty_frames.values() for name, kind in frame.dtypes.items()}


def test_names_that_are_mapped_to_opentelemetry_exist():
    fields = {name for payload in PAYLOADS.values() for name in get_type_hints(payload)} | {"session_id"}
    assert {names(row[0])[0] for row in table(ANALYTICS, "opentelemetry")} <= fields


def test_the_map_of_the_code_is_complete():
    told = set(re.findall(r"^  (\w+(?:/|\.py))", README, re.MULTILINE))
    folders = {f"{path.parent.name}/" for path in (ROOT / "victor_nb").glob("*/__init__.py")}
    modules = {path.name for path in (ROOT / "victor_nb").glob("[!_]*.py")}
    assert folders | modules == told


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            found = page.parent / path if path else page
            assert found.exists(), f"{page.name}: {target}"
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
            assert not anchor or anchor in {h.lower().replace(" ", "-") for h in headings}, f"{page.name}: {target}"


def test_every_public_name_is_told():
    told = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    public = [name for name in vn.__all__ if not name.endswith("_ipython_extension")]
    assert [name for name in public if not re.search(rf"\b{name}\b", told)] == []
