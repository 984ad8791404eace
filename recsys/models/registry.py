"""Which click models there are, by name."""

from recsys.errors import ConfigurationError
from recsys.models.base import ClickModel
from recsys.models.gaussian import GaussianModel


def make_model(name: str, width: int, *, forgetting_half_life_s: float) -> ClickModel:
    """Return a fresh model.

    Raises
    ------
    ConfigurationError
        When there is no model of that name.
    """
    if name == "gaussian":
        return GaussianModel(width, forgetting_half_life_s=forgetting_half_life_s)
    raise ConfigurationError(f"expected model 'gaussian', received {name!r}")
