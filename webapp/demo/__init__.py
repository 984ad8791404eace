"""`make demo`: the whole site on one machine, from nothing, with one command.

It stands above the site and starts it: a Redis-compatible server, then `manage.py prepare`, then the processes of
the `Procfile`. It imports little, so that the supervising process stays small.
"""
