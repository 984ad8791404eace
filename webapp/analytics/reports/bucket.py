"""One hour or day of the overview, or a whole period: sums, and what follows from them."""

import dataclasses
from typing import Final

from recsys.aggregates.increments import MOMENTS
from webapp.analytics.intervals import Rate, clustered, wilson
from webapp.analytics.reports.counts import Sums

_MILLION: Final = 1_000_000


def rate_of(sums: Sums) -> Rate:
    """Return the click-through that sums of `MOMENTS` tell: of the sittings that saw anything on a list of ours."""
    return clustered(sums["looked"], *(sums[name] for name in MOMENTS))


@dataclasses.dataclass(frozen=True, slots=True)
class Bucket:
    """One hour or day, or a whole period.

    Attributes
    ----------
    at_ms : int
        Its start.
    traffic, sittings : Sums
    items_shown, catalogue, top_tenth : float or None
        Means over the days in it; None where nothing was shown.
    """

    at_ms: int
    traffic: Sums
    sittings: Sums
    items_shown: float | None = None
    catalogue: float | None = None
    top_tenth: float | None = None

    @property
    def sessions(self) -> int:
        """Sittings that began in it."""
        return self.sittings["sessions"]

    @property
    def looked(self) -> int:
        """Those of them with an impression; no rate stands on the others."""
        return self.sittings["looked"]

    @property
    def impressions(self) -> int:
        """Slots seen in it."""
        return self.traffic["impressions"]

    @property
    def clicks(self) -> int:
        """Slots clicked in it."""
        return self.traffic["clicks"]

    @property
    def rate(self) -> Rate:
        """Click-through of the sittings that began in it."""
        return rate_of(self.sittings)

    @property
    def click_through(self) -> float | None:
        """The rate's value."""
        return self.rate.value

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""
        return self.rate.interval.low if self.rate.impressions else None

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""
        return self.rate.interval.high if self.rate.impressions else None

    @property
    def coverage(self) -> float | None:
        """Share of the catalogue that was seen on a day."""
        return self.items_shown / self.catalogue if self.items_shown is not None and self.catalogue else None

    @property
    def novelty(self) -> float | None:
        """Mean bits by which an impression was of something that few open."""
        return self.traffic["novelty_millibits"] / 1_000 / self.impressions if self.impressions else None

    @property
    def propensity(self) -> float | None:
        """Mean probability with which the policy put what it served where it stood; None where none was logged."""
        slots = self.traffic["slots"]
        return self.traffic["propensity_ppm"] / _MILLION / slots if slots else None

    @property
    def explored_served(self) -> float | None:
        """Share of what was served that chance brought, seen or not."""
        return self.traffic["explored_slots"] / self.traffic["slots"] if self.traffic["slots"] else None

    @property
    def slates(self) -> int:
        """Lists served."""
        return self.traffic["slates"]

    @property
    def explored_rate(self) -> Rate:
        """Click-through of what chance brought; its interval takes impressions as independent."""
        clicks, impressions = self.traffic["explored_clicks"], self.traffic["explored_impressions"]
        return Rate(self.looked, impressions, clicks, wilson(clicks, impressions))

    @property
    def explored(self) -> float | None:
        """Share of the impressions that chance brought."""
        return self.traffic["explored_impressions"] / self.impressions if self.impressions else None
