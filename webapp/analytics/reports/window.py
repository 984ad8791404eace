"""Which time and which visitors a page looks at, as its query string says."""

import dataclasses
import datetime
from typing import Any, Final, cast

from django import forms
from django.db.models import Q
from django.http import QueryDict

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, day_of, hour_of
from recsys.aggregates.increments import EITHER, EVERY_ARM
from webapp.analytics.models import SittingMoments

PERIODS: Final = {"24h": ("24 hours", HOUR_MS, 24), "7d": ("7 days", DAY_MS, 7), "30d": ("30 days", DAY_MS, 30),
    "90d": ("90 days", DAY_MS, 90)}  # fmt: skip
_SIMULATED: Final = (("both", "real and simulated"), ("no", "real only"), ("yes", "simulated only"))
_NO_ARM: Final = "none"
_DEFAULTS: Final = {"period": "7d", "until": "", "arm": "", "simulated": "both"}


class WindowForm(forms.Form):
    """Period, its end, arm (for pages that do not compare them), and whether simulated; every field has a default."""

    period = forms.ChoiceField(
        label="Period", required=False, choices=[(name, title) for name, (title, *_) in PERIODS.items()]
    )
    until = forms.DateField(
        label="Until the end of (UTC)", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    arm = forms.ChoiceField(label="Arm", required=False)
    simulated = forms.ChoiceField(label="Visitors", required=False, choices=_SIMULATED)

    def __init__(self, query: QueryDict, *, by_arm: bool = True) -> None:
        super().__init__(data={name: query.get(name) or default for name, default in _DEFAULTS.items()})
        if not by_arm:
            del self.fields["arm"]
            return
        known = SittingMoments.objects.filter(hours=24).order_by().values_list("arm", flat=True).distinct()
        arms = sorted({*(arm for arm in known if arm), "adaptive", "control"})
        choices = [("", "all"), *((arm, arm) for arm in arms), (_NO_ARM, "made elsewhere")]
        cast(forms.ChoiceField, self.fields["arm"]).choices = choices


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A time in buckets, and which visitors.

    Attributes
    ----------
    period : str
        A name of `PERIODS`.
    start_ms : int
        Of the first bucket.
    end_ms : int
        When the last bucket ends, which may be after now.
    now_ms : int
        Until when there can be anything: now, or `end_ms` where that is past.
    step_ms : int
        Width of a bucket.
    until : str
        The day that was asked for, empty for now.
    arm : str or None
        None for all.
    simulated : bool or None
        None for both.
    """

    period: str
    start_ms: int
    end_ms: int
    now_ms: int
    step_ms: int
    until: str = ""
    arm: str | None = None
    simulated: bool | None = None

    @property
    def buckets(self) -> list[int]:
        """The buckets' starts."""
        return list(range(self.start_ms, self.end_ms, self.step_ms))

    @property
    def title(self) -> str:
        """The period in words."""
        return PERIODS[self.period][0]

    @property
    def unit(self) -> str:
        """What a bucket is called."""
        return "hour" if self.step_ms == HOUR_MS else "day"

    @property
    def last_day(self) -> str:
        """The day in which the window ends, for an address that will show the same days later."""
        return datetime.datetime.fromtimestamp((self.end_ms - 1) / 1_000, tz=datetime.UTC).date().isoformat()

    @property
    def is_under_way(self) -> bool:
        """Whether the last bucket has not ended."""
        return self.now_ms < self.end_ms

    @property
    def visitors(self) -> Q:
        """The condition on rows that have columns `arm` and `simulated`."""
        return self.of_arm & (Q() if self.simulated is None else Q(simulated=self.simulated))

    @property
    def of_arm(self) -> Q:
        """The condition on rows that have a column `arm`."""
        return Q() if self.arm is None else Q(arm=self.arm)

    @property
    def shown_key(self) -> dict[str, Any]:
        """The key of `ShownDay` for these visitors."""
        return {
            "arm": EVERY_ARM if self.arm is None else self.arm,
            "simulated": EITHER if self.simulated is None else int(self.simulated),
        }

    @property
    def before(self) -> tuple[int, int]:
        """Start and end of the time before, as long as this one is by now."""
        length_ms = self.end_ms - self.start_ms
        return self.start_ms - length_ms, max(self._elapsed_ms - length_ms, self.start_ms - length_ms)

    @property
    def time(self) -> tuple[int, int]:
        """Start and end, in whole hours."""
        return self.start_ms, self._elapsed_ms

    @property
    def _elapsed_ms(self) -> int:
        return min(hour_of(self.now_ms - 1) + HOUR_MS, self.end_ms)


def window_of(form: WindowForm, now_ms: int) -> Window:
    """Return the window that a form asks for; what makes no sense in it stands at its default."""
    form.is_valid()
    asked = form.cleaned_data
    period = asked.get("period") or _DEFAULTS["period"]
    _, step_ms, count = PERIODS[period]
    until: datetime.date | None = asked.get("until")
    last_ms = now_ms
    if until is not None:
        midnight = datetime.datetime.combine(until, datetime.time(), tzinfo=datetime.UTC)
        last_ms = int(midnight.timestamp() * 1_000) + DAY_MS - 1
    end_ms = (hour_of(last_ms) if step_ms == HOUR_MS else day_of(last_ms)) + step_ms
    arm = asked.get("arm") or None
    return Window(
        period=period,
        start_ms=end_ms - count * step_ms,
        end_ms=end_ms,
        now_ms=min(now_ms, end_ms) if until is None or last_ms >= now_ms else end_ms,
        step_ms=step_ms,
        until=until.isoformat() if until is not None else "",
        arm="" if arm == _NO_ARM else arm,
        simulated={"yes": True, "no": False}.get(asked.get("simulated") or "both"),
    )
