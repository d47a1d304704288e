"""Which compactions count no more: an event of its own says so later, perhaps in another kernel run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from victor_nb.frames.reading import Wanted, read_events

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.scope import Scope


def with_undone(table: pa.Table, scope: Scope) -> pa.Table:
    """`table` has a row for each compaction; its column `undone` becomes true for those that were undone."""
    import pyarrow.compute as pc

    if not len(table):
        return table
    wanted = Wanted(data={"compaction_id": "string"})
    ids = read_events(scope, scope.query(["compaction_undone"]), wanted)["data.compaction_id"].drop_null()
    undone = pc.or_kleene(pc.is_in(table["compaction_id"], value_set=ids.combine_chunks()), table["undone"])
    return table.set_column(table.column_names.index("undone"), "undone", undone)
