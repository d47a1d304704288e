"""Texts that live in files: read again only when the file has changed."""

from __future__ import annotations

from pathlib import Path

from victor_nb.errors import PromptError


class TextFile:
    """The text of the file at `path`, which is made absolute at once: the working directory may change."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._stamp: tuple[int, int, int] | None = None
        self._text = ""

    def read(self) -> str:
        """Without the blanks around it.

        Raises:
            PromptError: it cannot be read, or is no UTF-8 text.
        """
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._text = self.path.read_text(encoding="utf-8-sig").strip()
                self._stamp = stamp
        except OSError as error:
            raise PromptError(f"{self.path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise PromptError(f"{self.path} is no UTF-8 text.", hint="Save it as UTF-8.") from error
        return self._text


def upwards(names: tuple[str, ...], start: Path) -> Path | None:
    """The first of `names` that is a file in `start` or, failing that, in the nearest folder above."""
    start = start.absolute()
    for folder in (start, *start.parents):
        for name in names:
            if (path := folder / name).is_file():
                return path
    return None
