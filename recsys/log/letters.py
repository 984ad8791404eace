"""Dead letters as Redis streams hold them."""

from typing import Any

from recsys.log.base import DEAD_LETTER_BYTES, DEAD_LETTER_CONTEXT_BYTES, DeadLetter


def fields(payload: bytes, reason: str, context: bytes) -> dict[Any, Any]:
    """Return the entry's fields, within their bounds: part of a context is of no use, part of a payload is."""
    kept = context if len(context) <= DEAD_LETTER_CONTEXT_BYTES else b""
    return {"payload": payload[:DEAD_LETTER_BYTES], "reason": reason, "size": len(payload), "context": kept}


def letter(name: bytes, found: dict[bytes, bytes]) -> DeadLetter:
    """Return the dead letter of an entry."""
    payload = found[b"payload"]
    return DeadLetter(
        id=name.decode(),
        reason=found[b"reason"].decode(),
        payload=payload,
        size=int(found.get(b"size", len(payload))),
        context=found.get(b"context", b""),
    )
