"""`check_config_provider` and `check_contributor`: ours keep every rule, and each way of breaking one is told by it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from victor_nb.config import (
    ABTestConfigProvider,
    EnvironmentConfigProvider,
    Experiment,
    FileConfigProvider,
    TenantConfigProvider,
    Variant,
)
from victor_nb.errors import UsageError
from victor_nb.prompt import (
    CodeStylePromptContributor,
    CompliancePromptContributor,
    LanguagePromptContributor,
    NotebookPromptContributor,
    ProjectPromptContributor,
)
from victor_nb.testing import (
    check_config_provider,
    check_config_provider_async,
    check_contributor,
    check_contributor_async,
)

count = itertools.count()


def provider(answer: Callable[[str], Any], **attributes: Any) -> Callable[[], Any]:
    """Providers whose `get_config` is this function."""
    names = {"get_config": lambda self, session_id: answer(session_id), **attributes}
    return type("Mine", (), names)


def contributor(answer: Callable[[dict[str, Any]], Any], **attributes: Any) -> Callable[[], Any]:
    return type("Mine", (), {"contribute": lambda self, context: answer(context), **attributes})


def test_our_providers_keep_every_rule(tmp_path: Path):
    (tmp_path / "config.toml").write_text("temperature = 0.5\n[house]\nstyle = 'short'\n")
    experiment = Experiment("tone", [Variant("warm", {"temperature": 1.0}), Variant("cool", {"temperature": 0.1})])
    for factory in (
        EnvironmentConfigProvider,
        lambda: FileConfigProvider(tmp_path / "config.toml"),
        lambda: ABTestConfigProvider([experiment]),
        lambda: TenantConfigProvider({"a": FileConfigProvider(tmp_path / "config.toml")}, tenant="a"),
    ):
        check_config_provider(factory)


def test_our_contributors_keep_every_rule():
    for factory in (
        lambda: CompliancePromptContributor("Name no person."),
        lambda: CodeStylePromptContributor("pep8"),
        lambda: LanguagePromptContributor("german"),
        NotebookPromptContributor,
        ProjectPromptContributor,
    ):
        check_contributor(factory)


async def test_on_a_loop_it_is_awaited():
    await check_config_provider_async(provider(lambda session: {}))
    await check_contributor_async(contributor(lambda context: None))
    with pytest.raises(UsageError, match=r"await check_config_provider_async"):
        check_config_provider(provider(lambda session: {}))
    with pytest.raises(UsageError, match=r"await check_contributor_async"):
        check_contributor(contributor(lambda context: ""))


def plain_names_only(session_id: str) -> dict[str, Any]:
    if not session_id.isascii():
        raise ValueError("no such session")
    return {}


PROVIDERS = {
    r"it has get_config\(session_id\), and priority\(\) is a number: .*get_config": object,
    r"it has get_config\(session_id\), and priority\(\) is a number: .*'high'": provider(
        lambda session: {}, priority=lambda self: "high"
    ),
    r"get_config\(\) takes the session 'session': .*returned a list": provider(lambda session: []),
    r"get_config\(\) takes the session 'сессия.*no such session": provider(plain_names_only),
    "a session gets the same again: it got another": provider(lambda session: {"n": next(count)}),
    r"keys are names: \[1\] are not": provider(lambda session: {1: 2}),
    "values are what the settings of their names can be: .*temperature": provider(lambda s: {"temperature": "hot"}),
    "assignments.* is a dict": provider(lambda session: {}, assignments=lambda self, session: ["a"]),
}


@pytest.mark.parametrize("rule", PROVIDERS)
def test_a_provider_that_breaks_a_rule_is_told_of_it(rule: str):
    with pytest.raises(AssertionError, match=rule):
        check_config_provider(PROVIDERS[rule])


def test_sessions_that_get_each_others_values_are_told():
    class Mixed:
        """Remembers whom it was asked for last."""

        async def get_config(self, session_id: str) -> dict[str, Any]:
            self.session = session_id
            await asyncio.sleep(0)
            return {"who": self.session}

    with pytest.raises(AssertionError, match="sessions that are asked for at once get their own"):
        check_config_provider(Mixed)


CONTRIBUTORS = {
    r"it has get_contribution\(context\) or contribute\(context\)": object,
    "priority.* is a number: .*nan": contributor(lambda context: "", priority=lambda self: float("nan")),
    "it takes an empty context: KeyError": contributor(lambda context: context["message"]),
    "it takes an empty context: TypeError: it returned a int": contributor(lambda context: 3),
    "it takes a turn with odd text: UnicodeEncodeError": contributor(
        lambda context: context.get("message", "").encode("ascii").decode()
    ),
    "it takes an empty context: .*Mine failed: KeyError": contributor(lambda context: context["x"], required=True),
    "the same context gives the same text: an empty context": contributor(lambda context: f"It is {next(count)}."),
    "it works in an orchestrator: .*takes": contributor(
        lambda context: "" if context.get("message") != "Hello" else "word " * 60_000
    ),
}


@pytest.mark.parametrize("rule", CONTRIBUTORS)
def test_a_contributor_that_breaks_a_rule_is_told_of_it(rule: str):
    with pytest.raises(AssertionError, match=rule):
        check_contributor(CONTRIBUTORS[rule])
