"""The Django site: pages, the browser's events, training tasks and staff pages around the engine (`recsys`).

`webapp.wiring` is the one place where the engine's adapters are chosen; an app never imports one that stands above
it (``analytics`` > ``feed`` > ``tracking | training`` > ``catalog`` > ``wiring``).
"""
