"""The visitor's pages and websocket."""
