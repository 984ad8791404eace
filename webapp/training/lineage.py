"""Who made a snapshot: the code's version and the chain that the snapshot continues."""

import functools
import hashlib
import secrets
from pathlib import Path

import recsys
from recsys.config import EngineConfig
from recsys.offsets import Offset
from recsys.store.base import Manifest


@functools.cache
def code_version() -> str:
    """Return 12 hex digits that name the engine's sources, whether or not they come from a checkout."""
    root = Path(recsys.__file__).parent
    digest = hashlib.sha256()
    for source in sorted(root.rglob("*.py")):
        digest.update(f"{source.relative_to(root)}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def version(config: EngineConfig) -> str:
    """Return the name of what is learned from a log: code and configuration.

    >>> len(version(EngineConfig()))
    25
    """
    return f"{code_version()}-{config.digest()}"


def describe(
    payload: bytes,
    config: EngineConfig,
    offset: Offset,
    parent: Manifest | None,
    *,
    records: int,
    metrics: dict[str, float],
    created_ms: int,
) -> Manifest:
    """Return the manifest of a snapshot that was folded on from `parent`.

    Other code starts a lineage of its own, with the older chain as its parent: the fold promises the same state only
    for the same code.
    """
    code = code_version()
    continues = parent is not None and parent.code == code
    return Manifest(
        sha256=hashlib.sha256(payload).hexdigest(),
        offsets={"0": offset},
        parent=parent.sha256 if parent is not None else "",
        code=code,
        configuration=config.digest(),
        lineage=parent.lineage if parent is not None and continues else secrets.token_hex(6),
        metrics=metrics,
        created_ms=created_ms,
        bytes=len(payload),
        records=records,
    )
