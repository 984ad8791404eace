"""What the pages Overview, Learning and Labels show, read from the tables of counts: never from the log.

`window` is which time and which visitors a page looks at; `counts` adds rows up; the others are a page each.
"""
