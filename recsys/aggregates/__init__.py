"""What the log amounts to: small counts by time, kept by one fold beside the learner's.

`fold.AggregateFold` takes the log event by event and gives out what each stretch of it adds to the tables of
`increments`. It is a function of the log alone: no clock, no chance, whole numbers only, so that cutting the log into
batches anywhere changes nothing, and a stretch folded twice gives the same increments twice. Whoever stores them stores
the offset in the same transaction, and each event counts once.

Times are log time (when an event was received): a bucket is final as soon as the log has gone past it by `KEPT_MS`.

Words used in all tables:

- An **impression** is a slot of a slate of ours that was seen, or clicked without having been reported as seen; once
  for each slot. A **click** is a slot that was clicked, once, and is counted in the hour and day of its impression. So
  in no row clicks outnumber impressions: that the item of a click is that of its slot is the edge's to see to, which
  takes the position from the slate's signature (`webapp.tracking.validation`).
- What is not part of a slate of ours has no rate: it is counted under the surface `HISTORY` (events without a slate,
  and of slates that were shown elsewhere) or `UNKNOWN` (of a slate that is not in the log, or was served longer ago
  than `KEPT_MS`), and a click on an item as one of its `loose_clicks`.
- A **sitting** is a session up to its inactivity gap; a session id that comes back later sits down again. Whoever comes
  back to a list and clicks has seen that slot again: of such a slot both sittings have an impression.
- The **arm** is that of the slate. Slates that were not made here (imported histories name no version) have none: "".
"""
