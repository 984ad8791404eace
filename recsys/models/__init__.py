"""What learns from choices: between the label join, which makes examples, and ranking, which asks for scores.

`base` says what every click model can do, `registry` makes one by name; `gaussian` is ours, `river` puts any
River classifier in its place, and `classifier` is ours with River's verbs.
"""
