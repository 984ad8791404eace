"""Sessions in, slates out: what a web process asks of the engine while it serves.

The world is only read here; what a visitor does changes their own session and nothing else.
"""

from recsys.recommender.recommender import Recommender

__all__ = ["Recommender"]
