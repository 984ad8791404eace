"""The catalogue: items, their admin, and the events that tell the engine about them."""
