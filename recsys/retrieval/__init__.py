"""Which items are worth ranking: session neighbours, trending, fresh and alike ones, without ranking them."""
