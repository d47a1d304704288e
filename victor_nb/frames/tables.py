"""Columns become a DataFrame, with the dtypes that were declared and no others. The only place that builds arrays
of pandas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from victor_nb.frames.columns import TIME, Column, Dtype, Values
from victor_nb.frames.pairing import Rows

if TYPE_CHECKING:
    import pandas as pd


def to_frame(rows: Rows, columns: Sequence[Column]) -> pd.DataFrame:
    """A frame of these columns, one row for each of `rows`."""
    return from_values({column.name: (column.get(rows), column.dtype) for column in columns})


def from_values(columns: Mapping[str, tuple[Values, Dtype]]) -> pd.DataFrame:
    """A frame from lists of plain values; None is NA, and so is a value that its dtype cannot hold."""
    import pandas as pd

    return pd.DataFrame({name: _array(values, dtype) for name, (values, dtype) in columns.items()}, copy=False)


def _array(values: Values, dtype: Dtype) -> Any:
    import pandas as pd

    try:
        return _BUILDERS.get(dtype, _plain)(values, dtype)
    except (TypeError, ValueError, OverflowError):
        return pd.array([_fitting(value, dtype) for value in values], dtype=dtype)


def _plain(values: Values, dtype: Dtype) -> Any:
    import numpy as np
    import pandas as pd

    return pd.array(np.array(values, dtype=object), dtype=dtype)


def _times(values: Values, dtype: Dtype) -> Any:
    import numpy as np
    import pandas as pd

    stamps = np.array(["NaT" if value is None else value for value in values], dtype="datetime64[us]")
    return pd.DatetimeIndex(stamps).tz_localize("UTC").array


def _floats(values: Values, dtype: Dtype) -> Any:
    import numpy as np
    import pandas as pd

    found = np.array(values, dtype="float64")
    return pd.arrays.FloatingArray(found, np.isnan(found))


def _integers(values: Values, dtype: Dtype) -> Any:
    """By way of floats, which takes a third of the time; raises for what a float would not hold exactly."""
    import numpy as np
    import pandas as pd

    found = np.array(values, dtype="float64")
    missing = np.isnan(found)
    found[missing] = 0
    whole = found.astype("int64")
    if (whole != found).any() or (np.abs(found) >= 2**53).any():
        raise ValueError
    return pd.arrays.IntegerArray(whole, missing)


_BUILDERS: Mapping[str, Callable[[Values, Dtype], Any]] = {TIME: _times, "Float64": _floats, "Int64": _integers}


def _fitting(value: Any, dtype: Dtype) -> Any:
    """The value, or None when the column cannot hold it: an event of a stranger must not cost the whole frame."""
    if dtype == "string":
        return value if value is None or isinstance(value, str) else json.dumps(value)
    wanted = {"boolean": bool, "Float64": (int, float)}.get(dtype, int)
    fits = isinstance(value, wanted) and (isinstance(value, bool) == (dtype == "boolean"))
    return value if fits else None
