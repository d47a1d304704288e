"""How planted facts are written down: each dialect is a way of saying that something has a value, and of surrounding it
with filler. Seeded by the caller's `random.Random`; knows nothing of strategies.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random


def _words(text: str) -> list[str]:
    return text.split()


_NOUNS = _words(
    "pipeline model cluster table column feature dataset queue worker batch schema index cache token driver endpoint "
    "sensor survey cohort sample reactor spectrum invoice ledger account tenant region shard replica gateway"
)
_ADJECTIVES = _words("amber brisk coral dusty eager faint grand humid ivory jolly keen lunar mellow noble olive plain")
_ATTRIBUTES = _words(
    "timeout|ms latency|ms budget|EUR owner|name port|plain threshold|decimal accuracy|percent size|MB path|path "
    "version|version checksum|hex rows|plain loss|decimal deadline|date status|word rate|decimal seed|plain code|code"
)
_FILLER = _words(
    "the a this that we they it data result value run then also because while after before step check plot report "
    "looks seems shows found small large several some most further current general simple usual again likely section "
    "discussion analysis notebook figure cell output method order part whole time case point way group line process "
    "change between without within during however overall still rather quite already next previous common detail"
)
_WORDS = _words("green stalled archived pending nominal degraded frozen healthy draft final")
_NAMES = _words("Okafor Lindqvist Tanaka Moreau Haddad Novak Silva Brandt Kowalski Ferrante Iyer Nakamura")


@dataclass(frozen=True)
class Fact:
    """`subject` and `attribute` tell what it is about; `value` is what has to be recalled."""

    subject: str
    attribute: str
    value: str

    @property
    def key(self) -> tuple[str, str]:
        return self.subject, self.attribute


def new_fact(random: Random, taken: set[tuple[str, str]]) -> Fact:
    """A fact about what no other fact is about."""
    while True:
        noun, adjective = random.choice(_NOUNS), random.choice(_ADJECTIVES)
        subject = random.choice((f"{adjective}-{noun}-{random.randint(2, 99)}", f"{noun}_{adjective}"))
        attribute = random.choice(_ATTRIBUTES)
        if (subject, attribute) not in taken:
            taken.add((subject, attribute))
            return Fact(subject, attribute, _value(random, attribute))


def overwritten(random: Random, fact: Fact) -> Fact:
    while (value := _value(random, fact.attribute)) == fact.value:
        pass
    return Fact(fact.subject, fact.attribute, value)


def _value(random: Random, attribute: str) -> str:
    kind = attribute.partition("|")[2]
    number = random.randint(11, 9_999)
    made: dict[str, Callable[[], str]] = {
        "ms": lambda: f"{number} ms",
        "EUR": lambda: f"{number} EUR",
        "MB": lambda: f"{number} MB",
        "name": lambda: f"{random.choice(string.ascii_uppercase)}. {random.choice(_NAMES)}",
        "plain": lambda: str(number),
        "decimal": lambda: f"0.{number:04d}",
        "percent": lambda: f"{number / 100:.2f} %",
        "path": lambda: f"/data/{random.choice(_NOUNS)}/{random.choice(_ADJECTIVES)}_{number}.parquet",
        "version": lambda: f"{number % 9}.{number % 31}.{number % 17}",
        "hex": lambda: f"{random.getrandbits(40):010x}",
        "date": lambda: f"20{number % 20 + 20}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "word": lambda: random.choice(_WORDS),
        "code": lambda: f"{''.join(random.choices(string.ascii_uppercase, k=2))}-{number}",
    }
    return made[kind]()


def attribute_of(fact: Fact) -> str:
    return fact.attribute.partition("|")[0]


Sentence = Callable[[Random, Fact, bool], str]


def _prose(random: Random, fact: Fact, again: bool) -> str:
    what = attribute_of(fact)
    if again:
        forms = ("Correction: the {a} of {s} is {v} now.", "The {a} of {s} has changed to {v}.", "{s}: {a} is {v}.")
    else:
        forms = ("The {a} of {s} is {v}.", "{s} has a {a} of {v}.", "Note that {s} runs with {a} {v}.")
    return random.choice(forms).format(a=what, s=fact.subject, v=fact.value)


def _pairs(random: Random, fact: Fact, again: bool) -> str:
    what = attribute_of(fact)
    forms = ("{s}.{a} = {v}", "{s} {a}: {v}", "{s}/{a} -> {v}")
    return "\n" + random.choice(forms).format(a=what, s=fact.subject, v=fact.value) + "\n"


def _record(random: Random, fact: Fact, again: bool) -> str:
    found = {"name": fact.subject, attribute_of(fact): fact.value}
    return "\n" + json.dumps(found) + "\n"


def _log(random: Random, fact: Fact, again: bool) -> str:
    stamp = f"2026-0{random.randint(1, 9)}-{random.randint(10, 28)} {random.randint(10, 23)}:{random.randint(10, 59)}"
    return f"\n{stamp} INFO {fact.subject} {attribute_of(fact)}={fact.value!r}\n"


def _told(random: Random, fact: Fact, again: bool) -> str:
    what = attribute_of(fact)
    if again:
        return f"I was wrong about {fact.subject}, its {what} should be {fact.value} from now on."
    forms = ("for {s} we settled on {v} as the {a}", "please remember {v}, that is the {a} of {s}")
    return f"By the way, {random.choice(forms).format(a=what, s=fact.subject, v=fact.value)}."


def _csv(random: Random, fact: Fact, again: bool) -> str:
    forms = ("{s},{a},{v}", "{s};{a};{v}", "{s} {a},{v}")
    return "\n" + random.choice(forms).format(a=attribute_of(fact), s=fact.subject, v=fact.value) + "\n"


DIALECTS: dict[str, Sequence[Sentence]] = {
    "prose": (_prose,),
    "pairs": (_pairs,),
    "records": (_record,),
    "logs": (_log,),
    "told": (_told,),
    "csv": (_csv,),
    "mixed": (_prose, _pairs, _record, _log, _told),
}


_SYLLABLES = _words("ba ce di fo gu han jer kil lom mur nes pra quo ral sel tav ul ven wim yul zet")
_RICH = tuple(
    first + second + third for first in _SYLLABLES for second in _SYLLABLES for third in ("", "ed", "s", "ly")
)


def filler(random: Random, words: int, noise: float, *, rich: bool = False, identifiers: bool = False) -> list[str]:
    """Sentences of `words` words in all; a share `noise` of the words is a number, or an identifier that says nothing.
    With `rich` the words are of a lexicon of 1,700 in place of 70."""
    lexicon = _RICH if rich else _FILLER
    made = _identifier if identifiers else _number
    found: list[str] = []
    while words > 0:
        length = min(words, random.randint(7, 16))
        chosen = [made(random) if random.random() < noise else random.choice(lexicon) for _ in range(length)]
        found.append(" ".join(chosen).capitalize() + ".")
        words -= length
    return found


def _number(random: Random) -> str:
    number = random.randint(2, 99_999)
    return random.choice((str(number), f"{number / 100:.2f}", f"{number}.", f"{number % 100} %"))


def _identifier(random: Random) -> str:
    number = random.randint(2, 999)
    word = random.choice(_RICH)
    return random.choice(
        (f"{word}_{number}", f"{word}-{number}", f"{word}.{word[:3]}", f"{random.getrandbits(32):08x}")
    )


def woven(random: Random, sentences: Sequence[str], facts: Sequence[str]) -> str:
    """`facts` at random places among `sentences`, in their order."""
    woven_in = list(sentences)
    places = sorted(random.randint(0, len(woven_in)) for _ in facts)
    for place, fact in reversed(list(zip(places, facts, strict=True))):
        woven_in.insert(place, fact)
    return " ".join(woven_in)
