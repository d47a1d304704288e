"""`victor-nb cassette show`: the recordings of one file as a conversation to read."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from victor_nb.testing.cassettes.answer import Answer
    from victor_nb.testing.cassettes.form import Take
    from victor_nb.testing.cassettes.talk import JsonMap


def add(verbs: Any) -> None:
    """Tell the parser of it."""
    what = "show what was asked and answered; with N one request with all that was sent"
    parser: ArgumentParser = verbs.add_parser("show", help="read one", description=what)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("number", nargs="?", type=int, metavar="N", help="which request, counted from 1")
    parser.add_argument("--json", action="store_true", help="as JSON: whole conversations")
    parser.set_defaults(command=show)


def show(options: Namespace) -> int:
    """
    Raises:
        CassetteError: the file cannot be read.
        UsageError: it has no request of that number.
    """
    from victor_nb.testing.command_line.output import counted, say, say_json
    from victor_nb.testing.command_line.reading import read_one

    found = read_one(options.file)
    takes, number = found.content.takes, options.number
    chosen = list(enumerate(takes, 1)) if number is None else [(number, _of_number(takes, number, options.file))]
    if options.json:
        say_json([_as_json(n, take) for n, take in chosen])
        return 0
    if number is None:
        say(f"{options.file}: {counted(len(takes), 'request')}, version {found.content.version}")
        for name, player in sorted(found.content.players.items()):
            say(f"{name or 'the model of the environment'} is {player.name} of {player.provider}")
        for embedder, texts in found.content.embeddings.items():
            say(f"{counted(len(texts), 'text')} as vectors of {embedder}")
    for n, take in chosen:
        say("", *_lines(n, take, takes[: n - 1] if number is None else ()))
    return 0


def _of_number(takes: Sequence[Take], number: int, path: Path) -> Take:
    from victor_nb.errors import UsageError

    if not 1 <= number <= len(takes):
        raise UsageError(f"{path} has no request {number}.", hint=f"they are numbered from 1 to {len(takes)}")
    return takes[number - 1]


def _as_json(number: int, take: Take) -> JsonMap:
    sent = take.sent
    return {
        "number": number,
        "model": sent.model,
        "purpose": sent.purpose,
        "messages": list(sent.messages),
        "tools": list(sent.tools),
        "output_tool": sent.output_tool,
        "settings": dict(sent.settings),
        "answer": take.answer.to_json(),
    }


def _lines(number: int, take: Take, above: Sequence[Take]) -> Iterator[str]:
    """Of what an earlier request has said only that it goes on from there."""
    sent = take.sent
    sizes = {one.end.digest: (place, one.end.size) for place, one in enumerate(above, 1)}
    parts = sent.talk.back() if sent.talk else ()
    place, size = next((sizes[part.digest] for part in parts if part.digest in sizes), (None, 0))
    after = f", after {place}" if place else ""
    purpose = "" if sent.purpose == "chat" else f", for {sent.purpose}"
    yield f"{number}. to {sent.model or 'the model of the environment'}{purpose}{after}"
    yield from _request(sent.messages[size:])
    if not above or sent.tools.text != above[-1].sent.tools.text:
        yield from _field("tools", [", ".join(str(tool["name"]) for tool in sent.tools)])
    yield from _field("answers by", [str(sent.output_tool["name"])] if sent.output_tool else [])
    yield from _field("settings", [f"{name}={value!r}" for name, value in sent.settings.items()])
    yield from _answer(take.answer)


def _request(messages: Iterable[JsonMap]) -> Iterator[str]:
    for message in messages:
        role = f"tool {message.get('tool')}" if message["role"] == "tool" else str(message["role"])
        yield from _block(role, str(message["text"]), message.get("calls"))
        images = message.get("images")
        yield from _field("pictures", [str(one) for one in images] if isinstance(images, list) else [])


def _answer(answer: Answer) -> Iterator[str]:
    from victor_nb.testing.command_line.output import counted, dollars

    reply, timing, usage = answer.reply, answer.timing, answer.reply.usage
    if reply.reasoning:
        yield from _block("thought", reply.reasoning)
    calls = answer.to_json().get("calls")
    yield from _block("answer", reply.message.content, calls)
    first = "" if timing.first_s is None else f", the first piece after {timing.first_s:g} s"
    counts = f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens"
    pieces = counted(len(list(answer.deltas())), "piece")
    told = (
        reply.model,
        str(reply.finish_reason),
        counts,
        dollars(reply.cost_usd),
        f"{timing.whole_s:g} s{first}",
        pieces,
    )
    yield f"   ({' · '.join(told)})"


def _block(name: str, text: str, calls: Any = None) -> Iterator[str]:
    from victor_nb.testing.cassettes.talk import canonical
    from victor_nb.testing.command_line.output import indented

    lines = [*(text.split("\n") if text else []), *(f"{c['name']}({canonical(c['arguments'])})" for c in calls or ())]
    yield f"   {name}:" if len(lines) > 1 else f"   {name}: {''.join(lines)}".rstrip()
    if len(lines) > 1:
        yield from indented("\n".join(lines), "      ")


def _field(name: str, values: Sequence[str]) -> Iterator[str]:
    if any(values):
        yield f"   {name}: {', '.join(values)}"
