"""The Freshet engine: one log, one model, three horizons.

Plain Python: nothing in here knows the site. Events (`recsys.events`) are appended to a log (`recsys.log`);
the learner (`recsys.learner`) folds them into a world (`recsys.world`); serving reads a replica of it,
sharpens it with the session at hand (`recsys.sessions`) and returns a slate (`recsys.recommender`).
"""

import os

# One thread for what NumPy leaves to OpenBLAS, which looks at this when NumPy is loaded: the order of a sum must not
# vary with a machine's cores, and beside an event loop threads would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
