"""The visitor's lens: what the model believes of this session, and why it shows what it shows.

Everything here reads: beliefs from the session, reasons from the slate as it was drawn, the past from the log. On the
way of a click stands only `panel.fragment`, and only for tabs that show it.
"""
