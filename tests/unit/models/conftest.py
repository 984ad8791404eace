"""What the tests of the models share."""

import pytest

from recsys.models.kernels import warm_up


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile first: hypothesis measures how long an example takes."""
    warm_up()
