"""What an example teaches: how sessions differ, the network, each item's appeal, item vectors, and the last layer.

Each is scored by the world as it was before anything learns from it.
"""

from typing import Final

import numpy as np

from recsys import features, statistics
from recsys.evaluation.prequential import Prequential
from recsys.examples import Example, learn_taste, newly_decided
from recsys.features import Design, Rows
from recsys.layout import SIGNALS, WANTED
from recsys.models import appeal
from recsys.models.base import NONE_OF_THESE, Logits
from recsys.models.kernels import choice_probabilities, list_probabilities
from recsys.models.vectors import DRAWN, DRAWN_BESIDE, learn_next
from recsys.open_sessions import OpenSession
from recsys.sessions import SessionBelief, SessionContext
from recsys.sessions.belief import HISTORY_PROBABILITY, prior_variance
from recsys.world import World

_NO_ROWS: Final = np.empty(0, dtype=np.int64)
_WANTED_FIRST: Final = SIGNALS.index(WANTED[0])

#: Of sessions whose lists nobody knows, one in so many teaches how sessions differ: they are many, and alike.
SPREAD_SESSIONS: Final = 4


class Learning:
    """Lets a world, and the sessions that are open, learn from examples in log order.

    Parameters
    ----------
    world : World
        Learns; its ``now_ms`` is the time of the example.

    Attributes
    ----------
    scores : Prequential
        Each example is scored before it is learned.
    learned_ms : int
        Log time of the last example, 0 before the first.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.scores = Prequential()
        self.learned_ms = 0

    def learn(self, example: Example, session: OpenSession | None) -> None:
        """Learn from an example: how sessions differ, the network, each item's appeal, and the last layer.

        `session` is the one that chose, whose own part learns; None where it is over.
        """
        world = self._world
        positions = None if example.recalled else example.positions
        hidden = world.network.hidden(example.signals)
        design = features.design(world, example.rows, example.signals, positions, example.surface, hidden)
        scores = world.model.score_many(design)
        if not example.settles:
            probabilities = choice_probabilities(scores)
            self.scores.update(scores, probabilities, example.chosen)
            if session is not None:
                self._learn_choice(session, example, design, scores)
        elapsed_s = max(world.now_ms - self.learned_ms, 0) / 1_000 if self.learned_ms else 0.0
        if example.clicked is not None:
            assert example.charged is not None
            probabilities, charged = list_probabilities(scores, example.clicked), example.charged[example.positions]
            errors = probabilities - charged
            world.model.learn_list(design, probabilities, charged, elapsed_s)
        else:
            errors = probabilities.copy()
            if example.chosen != NONE_OF_THESE:
                errors[example.chosen] -= 1.0
            example.charge(probabilities)
            world.model.learn_choice(design, example.chosen, elapsed_s)
        world.network.learn(example.signals, hidden, errors)
        if not example.recalled:
            self._learn_appeal(example.rows, errors, probabilities)
        self.learned_ms = world.now_ms

    def _learn_choice(self, session: OpenSession, example: Example, design: Design, scores: Logits) -> None:
        """Let the visitor's own part learn from a choice."""
        # One item has nothing to be preferred to: it only says how much is clicked at all.
        if len(example.rows) > 1 and (not example.recalled or session.context.key % SPREAD_SESSIONS == 0):
            self._learn_spread(session, example, design, scores)
        if not (example.recalled or example.refused):
            learn_taste(self._world, session.context, example.rows, design, example.chosen)
        if self._world.described and example.chosen != NONE_OF_THESE and not session.context.clicked:
            self._learn_entry(session, example, design, scores)
        session.context.pass_over(example.passed)

    def _learn_spread(self, session: OpenSession, example: Example, design: Design, scores: Logits) -> None:
        """Let the session learn from its choice, and the world from how far that was from what it expected of it."""
        if session.belief is None:
            session.belief = SessionBelief(prior_variance(self._world))
        belief, width, chosen = session.belief, design.shape[1], example.chosen
        delta, information = belief.delta_mean(), belief.information().copy()
        probability = HISTORY_PROBABILITY if example.recalled else None
        if chosen != NONE_OF_THESE and not example.recalled:
            news = newly_decided(example.rows, chosen, example.passed)
            if not len(news):
                return
            design, scores, chosen = design[news], scores[news], int(np.searchsorted(news, chosen))
        evidence = belief.learn_choice(design, chosen, scores, probability)
        gradient = evidence.shift - evidence.information * delta[:width]
        self._world.spread.learn(gradient, delta, information)

    def _learn_entry(self, session: OpenSession, example: Example, design: Design, scores: Logits) -> None:
        """Learn what those want who come as this session came, from what it chose first: what follows is its own."""
        world, classes = self._world, session.context.classes()
        if classes:
            said = design[:, _WANTED_FIRST] * world.model.weight_mean()[_WANTED_FIRST]
            fading = statistics.fading(world)
            tastes = world.contents["taste"]
            world.entries.learn(classes, tastes, example.rows, example.chosen, scores - said, world.now_ms, fading)

    def _learn_appeal(self, rows: Rows, errors: Logits, probabilities: Logits) -> None:
        """Learn what these items are to people beyond their features; only from lists that were really shown."""
        items = self._world.items
        appeal.learn(
            rows,
            errors,
            probabilities,
            self._world.now_ms,
            items["appeal_information"],
            items["appeal_shift"],
            items["appealed_ms"],
            statistics.fading(self._world),
            items.changed,
        )

    def learn_vectors(self, context: SessionContext, row: int, example: Example) -> None:
        """Learn that the session went from its clicks to this one; going on with the same item says nothing.

        What else would have been offered is what a click of a history could have been instead. What was really shown is
        no such thing: the site shows what is near, and would push away what it shows most.
        """
        world = self._world
        if not context.clicked or context.clicked[-1] == row or not len(world.heard):
            return
        table = world.vectors
        beside, drawn = (example.rows, DRAWN_BESIDE) if example.recalled else (_NO_ROWS, DRAWN)
        learn_next(
            table["vector"],
            table["length"],
            table["squares"],
            world.heard["item"],
            context.newest_first()[0],
            row,
            beside,
            drawn,
            world.draws,
            table.changed,
        )
        world.draws += 1
