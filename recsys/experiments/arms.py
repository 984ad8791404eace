"""Assignment to arms by salted hash: no state, the same in every process, independent between salts."""

import hashlib
from typing import Final, Literal

from recsys.errors import ConfigurationError

Arm = Literal["adaptive", "control"]

#: Follows the session; the control arm is served everybody's ranking, whatever it does.
ADAPTIVE: Final[Arm] = "adaptive"
CONTROL: Final[Arm] = "control"


def arm_name(adaptive: bool) -> Arm:
    """Return the arm of a session as slates and reports name it."""
    return ADAPTIVE if adaptive else CONTROL


def place(unit: str, salt: str) -> float:
    """Return where a unit falls between 0 (included) and 1: uniform over units, independent between salts.

    Parameters
    ----------
    unit : str
        Whoever is assigned as one: a visitor where one is known, else a session.
    salt : str
        Names the experiment. Secret where visitors could choose their own ids.
    """
    # The salt's length goes first: no other pair of salt and unit has the same text.
    digest = hashlib.blake2b(f"{len(salt)}:{salt}{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def assign(unit: str, salt: str, control_share: float) -> Arm:
    """Return the unit's arm. A larger share adds units to the control arm and moves none out of it.

    Raises
    ------
    ConfigurationError
        When the share is not from 0 to 1.

    >>> assign("visitor-7", "spring", 0.0), assign("visitor-7", "spring", 1.0)
    ('adaptive', 'control')
    """
    if not 0.0 <= control_share <= 1.0:
        raise ConfigurationError(f"expected a control share from 0 to 1, received {control_share!r}")
    return arm_name(adaptive=place(unit, salt) >= control_share)
