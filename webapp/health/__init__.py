"""What machines ask: does the process live, would a visitor be served well, how is it doing."""
