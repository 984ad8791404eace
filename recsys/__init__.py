"""The Freshet engine: one log, one model, three horizons.

Plain Python: nothing in here knows the site. Events (`recsys.events`) are appended to a log (`recsys.log`);
the learner (`recsys.learner`) folds them into a world (`recsys.world`); serving reads a replica of it,
sharpens it with the session at hand (`recsys.sessions`) and returns a slate (`recsys.recommender`).
"""
