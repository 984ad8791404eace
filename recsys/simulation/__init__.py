"""Simulated visitors: seeded, deterministic, with tastes drawn from the factors of a recorded history.

They drive the engine directly, in event time (`recsys.simulation.driving`), or the real site (`loadtest/`, and the
visitors that staff bring). What they want is known exactly (`Market.utilities`), so what serving them well is worth
can be said.

From the command line, a log as Parquet segments in the archive's format, which `recsys.log.archive.ArchiveLog` reads::

    python -m recsys.simulation --events 10000000 --days 60 --out DIR              # ranked by a cheap stand-in: minutes
    python -m recsys.simulation --events 1000000 --ranked-by engine --out DIR      # ranked and learned by the engine
"""
