"""Sessions in, slates out: what a web process asks of the engine while it serves.

The world is only read here; what a visitor does changes their own session and nothing else.
"""

from recsys.recommender.recommender import Recommender
from recsys.recommender.warming import warm_up

__all__ = ["Recommender", "warm_up"]
