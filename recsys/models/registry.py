"""Which click models there are, by name."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ConfigurationError
from recsys.layout import NETWORK, SIGNALS
from recsys.models.base import ClickModel
from recsys.models.gaussian import GaussianModel

_RIVER: Final = "river:"
#: What a world that has seen nothing expects: these count as they stand, and all else for nothing.
_EXPECTED: Final = {NETWORK: 1.0} | {SIGNALS.index(name): 1.0 for name in ("votes", "appeal", "liking")}


def make_model(name: str, width: int, *, forgetting_half_life_s: float) -> ClickModel:
    """Return a fresh model over design rows of `width` columns.

    Parameters
    ----------
    name : str
        ``"gaussian"``; ``"river-logistic"``, a scaled logistic regression; or ``"river:"`` and names of River
        classes joined by ``|``, such as ``"river:preprocessing.StandardScaler|linear_model.PAClassifier"``
        (`recsys.models.river.make_classifier`).
    forgetting_half_life_s : float
        Log time after which a choice counts half. River's classifiers forget in their own ways instead.

    Raises
    ------
    ConfigurationError
        When there is no model of that name.
    """
    if name == "gaussian":
        return GaussianModel(width, forgetting_half_life_s=forgetting_half_life_s, prior_mean=_prior_mean(width))
    if name == "river-logistic" or name.startswith(_RIVER):
        # Importing River takes seconds and tens of megabytes, which a site without it need not pay.
        from recsys.models import river

        expression = river.LOGISTIC if name == "river-logistic" else name.removeprefix(_RIVER)
        return river.RiverModel(width, river.make_classifier(expression))
    raise ConfigurationError(f"expected 'gaussian', 'river-logistic' or 'river:<classes>' as model, received {name!r}")


def _prior_mean(width: int) -> NDArray[np.float64]:
    mean = np.zeros(width)
    for column, expected in _EXPECTED.items():
        if column < width:
            mean[column] = expected
    return mean
