"""The catalogue: items in the ORM, their admin, the events that tell the engine about them, and search.

The ORM is where people edit; the engine knows only what the log says. So every change goes through `services`, which
writes both or neither.
"""
