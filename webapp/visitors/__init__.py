"""Simulated visitors of the running site: they read its pages and speak its websocket as the tracker does.

What needs neither Django nor an event loop (`pages`, `outbox`) is shared with the load test.
"""
