"""Histories from elsewhere, read into the same events that the live log holds.

MovieLens (ratings), RankLens (lists and clicks), and anyone's own tables. Rows that can't be used are set aside with
their line number and the reason; only a data set that can't be used at all raises `DatasetError`.
"""
