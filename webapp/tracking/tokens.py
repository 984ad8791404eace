"""Signed tokens: what a page was given, so that what comes back can be believed.

A token is ``base64url(MessagePack).base64url(HMAC)``. Each purpose has a key of its own, derived from `SECRET_KEY`, so
that a token of one kind never passes for another. Reading is stateless: any web process can check what another served.
"""

import base64
import binascii
import functools
import hashlib
import hmac
from typing import Any, Final, Literal, TypeVar

import msgspec
from django.conf import settings

from recsys.errors import RefusedEvent
from recsys.events import SlateServed

#: `off`: adapts in memory, nothing is logged. `session`: logged under a session id. `visitor`: recognised next time.
Consent = Literal["off", "session", "visitor"]

#: 128 of HMAC-SHA256's 256 bits: half the output, as RFC 2104 allows; slates are many and ride on every page.
MAC_BYTES: Final = 16
#: Tokens that need no second check, about a kilobyte each: a page sends its own with every message.
TOKENS_KEPT: Final = 4_096


class SessionToken(msgspec.Struct, frozen=True, array_like=True):
    """Whose events these are.

    Attributes
    ----------
    session : str
        Session id.
    consent : str
        The mode that the session was started under.
    at_ms : int
        When the token was made: the visitor's last activity, and a lower bound of the page's event times.
    adaptive : bool
        The session's arm, as it was assigned when the session began.
    simulated : bool
        Whether a simulator said, when the session began, that it is one.
    """

    session: str
    consent: Consent
    at_ms: int
    adaptive: bool = True
    simulated: bool = False


class SlateToken(msgspec.Struct, frozen=True, array_like=True):
    """What was shown where: the part of `SlateServed` that events must agree with. Position = index in `items`."""

    session: str
    slate: str
    surface: str
    items: tuple[str, ...]
    arm: str
    version: str


Token = TypeVar("Token", SessionToken, SlateToken)

_encoder: Final = msgspec.msgpack.Encoder()
_decoders: Final[dict[type, msgspec.msgpack.Decoder[Any]]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (SessionToken, SlateToken)
}


def sign_session(token: SessionToken) -> str:
    """Return the token's signed form, about 80 characters, safe in cookies, attributes and URLs."""
    return _sign(token)


def read_session(text: str) -> SessionToken:
    """Return the session token. Raises `RefusedEvent` (``bad_signature``) unless this site signed it."""
    return _read(SessionToken, text)


def sign_slate(slate: SlateServed) -> str:
    """Return the signed form of what `slate` showed."""
    return _sign(
        SlateToken(
            session=slate.session,
            slate=slate.slate,
            surface=slate.surface,
            items=slate.items,
            arm=slate.arm,
            version=slate.version,
        )
    )


def read_slate(text: str) -> SlateToken:
    """Return the slate token. Raises `RefusedEvent` (``bad_signature``) unless this site signed it."""
    return _read(SlateToken, text)


def _sign(token: SessionToken | SlateToken) -> str:
    payload = _encoder.encode(token)
    return f"{_text(payload)}.{_text(_mac(_key(settings.SECRET_KEY, type(token).__name__), payload))}"


def _read(kind: type[Token], text: str) -> Token:
    token: Token = _verified(kind, text, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))
    return token


@functools.lru_cache(maxsize=TOKENS_KEPT)
def _verified(kind: type[SessionToken] | type[SlateToken], text: str, secrets: tuple[str, ...]) -> Any:
    payload_text, _, mac_text = text.partition(".")
    try:
        payload, mac = _bytes(payload_text), _bytes(mac_text)
    except (binascii.Error, ValueError) as error:
        raise RefusedEvent("bad_signature", f"expected a {kind.__name__}, received {text[:40]!r}") from error
    for secret in secrets:
        if hmac.compare_digest(mac, _mac(_key(secret, kind.__name__), payload)):
            return _decoded(kind, payload)
    raise RefusedEvent("bad_signature", f"expected a {kind.__name__} that this site signed, received {text[:40]!r}")


def _decoded(kind: type[SessionToken] | type[SlateToken], payload: bytes) -> Any:
    try:
        return _decoders[kind].decode(payload)
    except msgspec.DecodeError as error:
        # Signed by us in an older form: the page it came from is older than the last deploy.
        raise RefusedEvent("bad_signature", f"expected this version's {kind.__name__}: {error}") from error


@functools.lru_cache(maxsize=16)
def _key(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), b"freshet.tracking." + purpose.encode(), hashlib.sha256)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    # Decoding skips what is no digit: one token could be spelled at any length, and each spelling be remembered.
    if _text(raw) != text:
        raise ValueError("expected the one spelling of these bytes")
    return raw
