"""The engine's configuration: frozen, part of each snapshot's lineage.

A state is `fold(log)` for one configuration; changing a field that the fold reads starts a new lineage.
"""

import dataclasses
import hashlib
import json
import math

from recsys.errors import ConfigurationError


@dataclasses.dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the fold and the ranking depend on.

    Attributes
    ----------
    model : str
        Name for `recsys.models.registry.make_model`: ``"gaussian"``, ``"river-logistic"`` or ``"river:<classes>"``.
    attribution_window_s : int
        A click later than this after its slate was served teaches nothing; a slate without one becomes
        "none of these" when the window closes.
    session_gap_s : int
        Inactivity that ends a session.
    most_items : int
        Items that the world holds; when one more enters, the coldest eighth goes (`recsys.eviction`).
    popularity_half_life_s, trending_half_life_s : int
        Half-lives of an item's long and short click statistics.
    forgetting_half_life_s : int
        Half-life of the evidence in the world belief.
    slate_size : int
        Slots in the "for you" slate.
    candidates : int
        How many candidates session neighbours may bring, and popular items to those who clicked nothing yet.
    exploration : float
        Temperature of the draw, in logits; 0 always serves the best.
    curiosity : float
        Logits that an unproven item which is tried is lent in the draw, beside a standard deviation of its appeal;
        0 tries none. Nothing is drawn where `exploration` is 0.
    diversity : float
        Logits taken from a candidate for full content similarity to the slots above it.
    calibration : float
        Logits that a candidate gains for being all of what the visitor clicks and the slate does not have yet.
    seed : int
        Seeds the exploration noise together with session and item.
    learn_from_simulated : bool
        Whether what simulated visitors do teaches the world; if not, the fold passes it over.
    """

    model: str = "gaussian"
    attribution_window_s: int = 600
    session_gap_s: int = 1_800
    most_items: int = 1_000_000
    popularity_half_life_s: int = 30 * 86_400
    trending_half_life_s: int = 86_400
    forgetting_half_life_s: int = 180 * 86_400
    slate_size: int = 12
    candidates: int = 100
    exploration: float = 0.04
    curiosity: float = 0.25
    diversity: float = 0.4
    calibration: float = 3.0
    seed: int = 20_240_229
    learn_from_simulated: bool = False

    def __post_init__(self) -> None:
        for name in ("exploration", "curiosity", "diversity", "calibration"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigurationError(f"{name} must be 0 or more and finite, received {getattr(self, name)!r}")
        for field in dataclasses.fields(self):
            if field.type is int and getattr(self, field.name) < 1:
                raise ConfigurationError(f"{field.name} must be 1 or more, received {getattr(self, field.name)!r}")

    def digest(self) -> str:
        """Return 12 hex digits that name this configuration."""
        canonical = json.dumps(dataclasses.asdict(self), sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:12]
