"""What is wrong with the text of a cassette."""

from __future__ import annotations


class UnreadableForm(ValueError):
    """It is no cassette, or none that is understood; said for people to read."""
