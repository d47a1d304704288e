"""Signing what a webhook is sent, in the form of Standard Webhooks 1.0.0 (HMAC-SHA256, `v1`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from victor_nb.errors import ConfigError

_PREFIX = "whsec_"


@dataclass(frozen=True)
class Signer:
    """Signs with every one of `keys`: with two of them a secret can be changed without a gap."""

    keys: tuple[bytes, ...] = field(repr=False)

    def headers(self, batch_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers for `body`, the bytes as they are sent. `timestamp` is Unix time in s of this attempt."""
        signed = f"{batch_id}.{timestamp}.".encode() + body
        signatures = [hmac.new(key, signed, hashlib.sha256).digest() for key in self.keys]
        return {
            "webhook-id": batch_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(found).decode()}" for found in signatures),
        }


def signer(secret: str | bytes | Iterable[str | bytes]) -> Signer:
    """A signer for one secret, or for several.

    Raises:
        ConfigError: a secret is empty, or starts with `whsec_` and goes on with what is not base64.
    """
    secrets = [secret] if isinstance(secret, str | bytes) else list(secret)
    if not secrets:
        raise ConfigError("the webhook's secret is empty.", hint="leave `secret` out to send without a signature")
    return Signer(tuple(_key(each) for each in secrets))


def _key(secret: str | bytes) -> bytes:
    key = secret if isinstance(secret, bytes) else _decoded(secret)
    if not key:
        raise ConfigError("the webhook's secret is empty.", hint="leave `secret` out to send without a signature")
    return key


def _decoded(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    encoded = secret.removeprefix(_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ConfigError(
            "the webhook's secret starts with whsec_, but what follows is not base64.",
            hint="copy it whole, or pass the key itself as bytes",
        ) from None
