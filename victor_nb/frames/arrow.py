"""The dtypes of the frames in Arrow and in pandas, and the way between the two. Arrow tables are what frames are built
as; pandas takes their text as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from victor_nb.frames.columns import Column, Dtype

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def arrow_type(dtype: Dtype) -> pa.DataType:
    import pyarrow as pa

    match dtype:
        case "string":
            return pa.large_string()
        case "Int64":
            return pa.int64()
        case "Float64":
            return pa.float64()
        case "boolean":
            return pa.bool_()
        case _:
            return pa.timestamp("us", "UTC")


def empty_array(dtype: Dtype, length: int = 0) -> pa.Array:
    """`length` nulls."""
    import pyarrow as pa

    return pa.nulls(length, arrow_type(dtype))


def from_lists(values: Mapping[str, Sequence[Any]], columns: Sequence[Column]) -> pa.Table:
    """A table of these columns from lists of plain values; times are Unix time in µs."""
    import pyarrow as pa

    return pa.table({column.name: pa.array(values[column.name], arrow_type(column.dtype)) for column in columns})


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table as a frame of nullable dtypes."""
    import pandas as pd
    import pyarrow as pa

    dtypes: dict[Any, Any] = {
        pa.large_string(): pd.StringDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return table.to_pandas(types_mapper=dtypes.get, use_threads=False)
