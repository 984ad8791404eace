"""What tracking puts into pages."""
