"""What staff fill in: who they are, the knob, and who is brought."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from webapp.declared import FASTEST_FOLD_MS, SLOWEST_FOLD_MS
from webapp.visitors.services import LONGEST_MINUTES, MOST_PER_S


class _Form(forms.Form):
    """Labels stand above their fields, as the tables' filters do, and need no colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class SignInForm(AuthenticationForm, _Form):
    """Who it is."""


class KnobForm(_Form):
    """Time between folds."""

    fold_every_ms = forms.IntegerField(
        label="Milliseconds between folds",
        help_text=f"From {FASTEST_FOLD_MS} to {SLOWEST_FOLD_MS:,}; takes effect at once.",
        min_value=FASTEST_FOLD_MS,
        max_value=SLOWEST_FOLD_MS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


class VisitorsForm(_Form):
    """How many simulated visitors, and for how long."""

    rate = forms.IntegerField(
        label="Events a second",
        help_text=f"Of all together, a visitor for each; from 1 to {MOST_PER_S}.",
        min_value=1,
        max_value=MOST_PER_S,
        initial=20,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    minutes = forms.IntegerField(
        label="Minutes",
        help_text=f"From 1 to {LONGEST_MINUTES}; then they leave by themselves.",
        min_value=1,
        max_value=LONGEST_MINUTES,
        initial=5,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
