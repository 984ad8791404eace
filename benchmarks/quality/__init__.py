"""How good the recommendations are, measured on recorded data, beside peers and in one run.

``python -m benchmarks.quality next-item|slates|history``. What is measured stands behind a narrow protocol
(`contenders`); the engine is one contender (`freshet`), the others are `peers`. A task (`next_item`, `history`,
`slates`) replays the data and asks before it tells; each contender runs in a process of its own (`running`).
"""
