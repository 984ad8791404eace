"""The knob."""

from typing import Final

from django import forms

FASTEST_MS: Final = 100
SLOWEST_MS: Final = 60_000


class KnobForm(forms.Form):
    """Time between folds."""

    fold_every_ms = forms.IntegerField(
        label="Milliseconds between folds",
        help_text=f"From {FASTEST_MS} to {SLOWEST_MS:,}; takes effect at once.",
        min_value=FASTEST_MS,
        max_value=SLOWEST_MS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
