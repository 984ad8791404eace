"""The load test: visitors in numbers at the real site, by its pages and its websocket, and a report of what they met.

`python -m loadtest` (or `make loadtest`) starts a stack where none is running, runs a scenario, watches the stack's
processes, checks that every acknowledged event is in the log exactly once, and writes the report. The folder also
serves plain Locust: ``locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --scenario steady``.
"""
