"""How staff pages write numbers."""
