"""Which addresses of a model's text become links: http, https and mailto, of hosts that every browser can read.

JupyterLab takes an address that the browser cannot read, such as `https://a@b:c`, for a path on its own server, and
makes a link to a file there, with the user's token in it. Names before the host (`https://bank.example@evil.example`)
are there to deceive. Imports nothing of the project.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address

_MAIL = re.compile(r"mailto:[^\s\x00-\x20]", re.IGNORECASE)
_WEB = re.compile(
    r"https?://(?P<host>[\w-]+(?:\.[\w-]+)*)\.?(?::(?P<port>\d{1,5}))?(?=[/?#]|$)", re.IGNORECASE | re.ASCII
)
_NUMBER = re.compile(r"0x[\da-f]*|\d+", re.IGNORECASE)


def is_linked(address: str) -> bool:
    """Whether a link may lead there."""
    if _MAIL.match(address):
        return True
    found = _WEB.match(address)
    return bool(found) and int(found["port"] or 0) < 65_536 and _is_host(found["host"])


def _is_host(name: str) -> bool:
    """A host's name in ASCII, or an IPv4 address. A name whose last part is a number is read as an address."""
    try:
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            IPv4Address(name)
        name.encode("ascii").decode("idna")
    except (AddressValueError, UnicodeError):
        return False
    return True
