"""What every click model can do, whatever learns inside it.

A click is a choice out of a list: out of the items seen, with "none of these" as one more option whose logit is
0. With one item the choice is the plain question "clicked or not", so a slate of one is logistic regression and
any binary classifier can stand behind this interface.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

#: `chosen` of a list that was left without a click.
NONE_OF_THESE: Final = -1

Design = NDArray[np.float32]
Logits = NDArray[np.float64]


class ClickModel(Protocol):
    """A world model over design rows (`recsys.layout`).

    Rows may be shorter than the model is wide: the columns that they lack are 0.
    """

    def score_many(self, design: Design) -> Logits:
        """Return the log-odds against "none of these" of each row. Shape (n,). Never changes the model."""
        ...

    def learn_choice(self, design: Design, chosen: int, elapsed_s: float) -> None:
        """Learn that row `chosen` (or `NONE_OF_THESE`) was chosen among the rows.

        `elapsed_s` is the log time since the last example, for forgetting.
        """
        ...

    def learn_list(self, design: Design, probabilities: Logits, charged: Logits, elapsed_s: float) -> None:
        """Learn what a list says besides its clicks, now that it is over: that nothing more of it was clicked.

        Parameters
        ----------
        design : float32 array of shape (n, width)
            All items that were seen.
        probabilities : float64 array of shape (n,)
            How likely each was to be clicked (`recsys.models.kernels.list_probabilities`).
        charged : float64 array of shape (n,)
            What `learn_choice` has counted against each already, with every click of the list: so much of a chance to
            be clicked instead. 0 for an item that was no alternative of any click.
        elapsed_s : float
            As in `learn_choice`.
        """
        ...

    def weight_variance(self) -> NDArray[np.float64]:
        """Return the posterior variance of each weight, shape (width,): what sessions and exploration start from.

        Zeros where a model keeps no uncertainty.
        """
        ...

    def weight_mean(self) -> NDArray[np.float64]:
        """Return each weight's posterior mean, shape (width,); zeros where a model has no linear weights."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the model."""
        ...

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become the model that `state` described. Raises `CorruptState`."""
        ...
