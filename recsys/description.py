"""What an item is about, as numbers: hashes and weights of its categories, tags and decade."""

import hashlib
import math
import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.events import ItemUpserted
from recsys.layout import CONTENT_WIDTH

#: Tokens (categories, then tags) that an item's description keeps.
MAX_TOKENS: Final = 32
#: How much tastes differ by what an item's categories, and by what its tags say, in squared logits: a description with
#: n tokens of a kind gives each the n-th part.
CATEGORY_VARIANCE: Final = 1.0
TAG_VARIANCE: Final = 3.0

_DECADE: Final = re.compile(r"[1-9][0-9]{3}s")


def decade(year: int) -> str:
    """Return the decade's name.

    >>> decade(1987)
    '1980s'
    """
    return f"{year // 10 * 10}s"


def is_decade(name: str) -> bool:
    """Return whether a taste is called like a decade of this era's calendars; a category may well be called ``90s``.

    >>> is_decade(decade(1987)), is_decade("90s")
    (True, False)
    """
    return _DECADE.fullmatch(name) is not None


def content_token(kind: str, name: str) -> int:
    """Return what stands for a category or tag in ``contents["token"]``: 31 bits of its hash."""
    return stable_hash(f"{kind}:{name}") & 0x7FFF_FFFF


def content_vector(event: ItemUpserted) -> NDArray[np.float32]:
    """Return the item's hashed content as a unit vector of `CONTENT_WIDTH` (zero where there is none)."""
    vector = np.zeros(CONTENT_WIDTH, dtype=np.float32)
    tokens = [(f"category:{name}", 2.0) for name in event.categories] + [(f"tag:{name}", 1.0) for name in event.tags]
    if event.year is not None:
        tokens.append((f"decade:{decade(event.year)}", 1.0))
    for token, weight in tokens:
        digest = stable_hash(token)
        vector[digest % CONTENT_WIDTH] += weight if digest >> 32 & 1 else -weight
    length = float(np.sqrt(np.sum(vector * vector)))
    return vector / np.float32(length) if length > 0 else vector


def weighted_tokens(event: ItemUpserted) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return hashes of the item's categories and tags, ascending, and their weights; -1 and 0 fill the rest."""
    categories = _hashed("category", event.categories)[:MAX_TOKENS]
    tags = _hashed("tag", event.tags)[: MAX_TOKENS - len(categories)]
    weights = {token: math.sqrt(TAG_VARIANCE / len(tags)) for token in tags}
    weights |= {token: math.sqrt(CATEGORY_VARIANCE / len(categories)) for token in categories}
    tokens, filled = np.full(MAX_TOKENS, -1, dtype=np.int32), np.zeros(MAX_TOKENS, dtype=np.float32)
    for place, token in enumerate(sorted(weights)):
        tokens[place], filled[place] = token, weights[token]
    return tokens, filled


def _hashed(kind: str, names: Iterable[str]) -> list[int]:
    """Return 31 bits of each name's hash, each once, in the order given."""
    return list(dict.fromkeys(content_token(kind, name) for name in names))


def stable_hash(name: str) -> int:
    """Return 64 bits that are the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
