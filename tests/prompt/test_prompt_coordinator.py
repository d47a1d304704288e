"""The prompt coordinator with contributors as a user would write them."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from victor_nb.agent.coordinators.prompt_coordinator import BasePromptContributor, PromptCoordinator
from victor_nb.errors import PromptError, UsageError
from victor_nb.protocols import PromptContext


class CodeStyle(BasePromptContributor):
    def __init__(self, style_guide: str) -> None:
        self.style_guide = style_guide

    def priority(self) -> int:
        return 80

    async def get_contribution(self, context: PromptContext) -> str:
        return f"Write code by {self.style_guide} in {context['language']}."


class Section(BasePromptContributor):
    def __init__(self, text: object, rank: int = 50) -> None:
        self.text, self.rank = text, rank

    def priority(self) -> int:
        return self.rank

    def contribute(self, context: PromptContext) -> object:
        if isinstance(self.text, Exception):
            raise self.text
        return self.text


class Required(Section):
    required = True


def build(*contributors: object, base: bool = False, **context: object) -> str:
    coordinator = PromptCoordinator(contributors=list(contributors), base=base)  # type: ignore[arg-type]
    return asyncio.run(coordinator.build_system_prompt(PromptContext(context)))


def test_the_documented_form() -> None:
    prompt_coordinator = PromptCoordinator(contributors=[Section("Last.", 1), CodeStyle("PEP 8")])
    context = PromptContext({"language": "Python"})
    text = asyncio.run(prompt_coordinator.build_system_prompt(context))
    assert text.startswith("You are an assistant in a Jupyter notebook.")
    assert text.endswith("\n\nWrite code by PEP 8 in Python.\n\nLast.")


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_higher_priority_comes_first(order: tuple[int, ...]) -> None:
    assert build(*(Section(f"{rank}", rank) for rank in order)) == "3\n\n2\n\n1"


def test_equals_stay_in_the_order_given_and_nothing_adds_nothing() -> None:
    assert build(Section("a"), Section(""), Section(None), Section(" b\n"), Section("  ")) == "a\n\nb"


def test_the_base_prompt_gives_way() -> None:
    assert build(Section("a"), base=True, system_prompt="Speak French.") == "Speak French.\n\na"
    assert build(Section("a"), base=True, system_prompt="") == "a"


def test_a_failure_leaves_only_its_own_section_out() -> None:
    coordinator = PromptCoordinator([Section(OSError("no disk"), 60), Section(7), Section("a", 1)], base=False)
    with pytest.warns(UserWarning, match="The prompt contributor Section failed") as caught:
        built = asyncio.run(coordinator.build())
    assert built.text == "a"
    assert built.failed == ("Section", "Section")
    assert "OSError: no disk" in str(caught[0].message)
    assert "returned a int, not a str" in str(caught[1].message)
    assert coordinator.explain()["status"].tolist() == ["failed", "failed", "ok"]
    assert built.sections[0].tokens == 1


def test_a_required_section_that_fails_stops_the_turn() -> None:
    with pytest.raises(PromptError, match="Required failed: OSError: no policy") as caught:
        build(Required(OSError("no policy")), Section("a"))
    assert isinstance(caught.value.__cause__, OSError)


def test_nobody_can_change_the_context_of_another() -> None:
    class Vandal(BasePromptContributor):
        def priority(self) -> int:
            return 99

        async def get_contribution(self, context: PromptContext) -> str:
            context["config"]["tone"] = "rude"
            return ""

    class Tone:
        def contribute(self, context: PromptContext) -> str:
            return context["config"]["tone"]

    config = {"tone": "kind"}
    assert build(Vandal(), Tone(), config=config) == "kind"
    assert config == {"tone": "kind"}


def test_what_contributes_nothing_is_refused_at_once() -> None:
    class Empty(BasePromptContributor):
        pass

    for wrong in [Empty(), object(), Section]:
        with pytest.raises(TypeError, match="is no prompt contributor"):
            PromptCoordinator([wrong])  # type: ignore[list-item]


async def test_explain_is_a_table_for_each_session() -> None:
    coordinator = PromptCoordinator([Section("a", 60), Section(OSError("no disk"), 50), Section("")], base=False)
    empty = coordinator.explain()
    with pytest.warns(UserWarning, match="no disk"):
        await coordinator.build(PromptContext({"session_id": "one"}))
    coordinator.add(Section("new", 99))
    await coordinator.build(PromptContext({"session_id": "two"}))
    frame = coordinator.explain("one")
    assert frame["status"].tolist() == ["ok", "failed", "empty"]
    assert frame["error"].tolist()[1] == "OSError: no disk"
    assert frame["chars"].isna().tolist() == [False, True, False]
    assert coordinator.explain()["text"].tolist()[0] == "new"
    assert list(map(str, frame.dtypes)) == [
        "string", "Float64", "boolean", "string", "Int64", "Int64", "string", "string",
    ]  # fmt: skip
    assert empty.dtypes.equals(frame.dtypes)


async def test_a_failure_is_warned_of_once_until_it_works_again() -> None:
    section = Section(OSError("no disk"))
    coordinator = PromptCoordinator([section], base=False)
    for text in ("fine", OSError("no disk")):
        with pytest.warns(UserWarning, match="no disk") as caught:
            assert [(await coordinator.build()).failed for _ in range(2)] == [("Section",)] * 2
        assert len(caught) == 1
        section.text = text
        if text == "fine":
            await coordinator.build()
            section.text = OSError("no disk")


async def test_contributors_come_and_go() -> None:
    section = Section("a")
    coordinator = PromptCoordinator([section, CodeStyle("PEP 8")])
    assert [type(one).__name__ for one in coordinator.contributors] == ["BaseSystemPrompt", "CodeStyle", "Section"]
    coordinator.remove("CodeStyle")
    coordinator.remove("BaseSystemPrompt")
    assert await coordinator.build_system_prompt() == "a"
    with pytest.raises(UsageError, match=r"no contributor 'Sections'.*Did you mean 'Section'"):
        coordinator.remove("Sections")
    coordinator.remove(section)
    assert await coordinator.build_system_prompt() == ""
    with pytest.raises(TypeError, match="is no prompt contributor"):
        coordinator.add(object())  # type: ignore[arg-type]


async def test_one_that_takes_too_long_has_failed_and_blocking_ones_hold_up_nobody() -> None:
    gate, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Blocking:
        def contribute(self, context: PromptContext) -> str:
            loop.call_soon_threadsafe(entered.set)
            return "late" if gate.wait(10) else "never"

    class Opening:
        async def get_contribution(self, context: PromptContext) -> str:
            await entered.wait()
            gate.set()
            return "first"

    class Stuck:
        timeout_s = 0.01

        async def get_contribution(self, context: PromptContext) -> str:
            await asyncio.Event().wait()
            return ""

    with pytest.warns(UserWarning, match=r"Stuck failed: ConfigError: it gave no answer in 0\.01 s"):
        built = await PromptCoordinator([Opening(), Blocking(), Stuck()], base=False).build()
    assert built.text == "first\n\nlate"
