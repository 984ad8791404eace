"""The pictures of docs/tour.md, taken by a command: ``make screenshots``."""
