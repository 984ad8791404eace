"""What browsers tell us, up to the log.

The way of a click: browser (`static/tracking/tracker.js`) → `wire` (bytes to structs) → `validation` (signatures,
positions, event times) → `services.accept` (append, outcomes) → acknowledgement. `consent` and `visits` decide whose
event it is and whether it may be kept at all.
"""
