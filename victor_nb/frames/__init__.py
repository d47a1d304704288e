"""Events as DataFrames: the column lists, the pairing of started and completed events, and `Analytics`, the handle
that users hold. Reads any `IEventStore`; pandas is imported by the first frame, never by importing this package.
"""

from victor_nb.frames.handle import Analytics

__all__ = ["Analytics"]
