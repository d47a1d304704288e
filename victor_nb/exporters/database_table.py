"""The name of the table that events go to, checked so that it can be part of SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from victor_nb.errors import UsageError

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, and its schema where one is named.

    Raises:
        UsageError: one of them is not a plain identifier.
    """

    name: str
    schema: str | None = None

    def __post_init__(self) -> None:
        for what, text in (("table", self.name), ("schema", self.schema)):
            if text is not None and not _IDENTIFIER.fullmatch(text):
                raise UsageError(
                    f"{text!r} cannot be the name of a {what}.",
                    hint="use letters, digits and underscores, at most 63, and no digit first; "
                    'a schema is given apart, as schema="analytics"',
                )

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def quoted(self, quotes: str = '""') -> str:
        """As SQL, between the two characters of `quotes`."""
        before, after = quotes
        return ".".join(f"{before}{part}{after}" for part in (self.schema, self.name) if part)
