"""What the engine is compared with. Each learns from the same events; a library is imported by its own module only."""
