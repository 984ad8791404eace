"""Which parts of the state are sums: those of two streams merge by adding, and one is taken out by subtracting."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.prequential import Prequential
from recsys.layout import WIDTH
from recsys.models.gaussian import GaussianModel
from recsys.models.kernels import choice_evidence, choice_probabilities
from recsys.models.product import times_vector
from recsys.sessions import Evidence, SessionBelief
from tests.choices import Choice, simulate

TRUTH = np.array([1.2, -0.8, 0.5, 0.0, -0.3])
COLUMNS = len(TRUTH)


class Streams(NamedTuple):
    """Two streams of choices, and what was believed when both were read."""

    first: list[Choice]
    second: list[Choice]
    before: GaussianModel


@st.composite
def streams(draw: st.DrawFn) -> Streams:
    first, second, past = (
        simulate(TRUTH, draw(st.integers(0, 12)), draw(st.integers(1, 6)), seed=draw(st.integers(0, 999)))
        for _ in range(3)
    )
    before = model()
    for design, chosen in past:
        before.learn_choice(design, chosen, 0.0)
    return Streams(first, second, before)


def model() -> GaussianModel:
    return GaussianModel(COLUMNS, forgetting_half_life_s=1e9)


def evidence_of(choices: list[Choice], at: GaussianModel) -> dict[str, np.ndarray]:
    """Return what the choices teach, each linearised at the same belief: a model's state."""
    information, shift, mean, variance = np.zeros(COLUMNS), np.zeros(COLUMNS), at.weight_mean(), at.weight_variance()
    for design, chosen in choices:
        term = choice_evidence(design, times_vector(design, mean), chosen, mean, variance)
        information, shift = information + term[0], shift + term[1]
    return {"information": information, "shift": shift}


def belief_from(*parts: tuple[float, dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of a model that holds the parts, each so many times."""
    made = model()
    made.restore({name: sum(times * part[name] for times, part in parts) for name in ("information", "shift")})
    return made.weight_mean(), made.weight_variance()


@given(drawn=streams())
def test_evidence_of_two_learners_merges_by_adding(drawn: Streams) -> None:
    one, other = evidence_of(drawn.first, drawn.before), evidence_of(drawn.second, drawn.before)
    together = evidence_of([*drawn.first, *drawn.second], drawn.before)
    np.testing.assert_allclose(belief_from((1, one), (1, other)), belief_from((1, together)), rtol=1e-9, atol=1e-12)


@given(drawn=streams())
def test_a_stream_is_taken_out_by_subtracting_its_evidence(drawn: Streams) -> None:
    before, other = drawn.before.state(), evidence_of(drawn.second, drawn.before)
    together = evidence_of([*drawn.first, *drawn.second], drawn.before)
    left = belief_from((1, before), (1, together), (-1, other))
    expected = belief_from((1, before), (1, evidence_of(drawn.first, drawn.before)))
    np.testing.assert_allclose(left, expected, rtol=1e-9, atol=1e-12)


# -- sessions --------------------------------------------------------------------------------------------------


def session() -> SessionBelief:
    return SessionBelief(np.linspace(0.0, 2.0, WIDTH))


def terms_of(choices: list[Choice]) -> list[Evidence]:
    """Return what each choice teaches a session that knows nothing else."""
    return [session().learn_choice(*choice, np.zeros(len(choice[0]))) for choice in choices]


def holding(terms: list[Evidence]) -> SessionBelief:
    """Return the session that holds these terms: to take out the opposite is to add."""
    made = session()
    for term in terms:
        made.forget(Evidence(-term.information, -term.shift))
    return made


def moments(of: SessionBelief) -> np.ndarray:
    return np.stack([of.delta_mean(), of.delta_variance()])


@given(drawn=streams())
def test_evidence_of_two_sessions_merges_by_adding_in_any_order(drawn: Streams) -> None:
    one, other = terms_of(drawn.first), terms_of(drawn.second)
    np.testing.assert_allclose(moments(holding([*one, *other])), moments(holding([*other, *one])), atol=1e-12)
    information = sum((term.information for term in [*one, *other]), start=np.zeros(COLUMNS))
    np.testing.assert_allclose(holding([*one, *other]).information()[:COLUMNS], information, rtol=1e-9)


@given(drawn=streams())
def test_a_session_is_taken_out_by_subtracting_its_evidence(drawn: Streams) -> None:
    one, other = terms_of(drawn.first), terms_of(drawn.second)
    made = holding([*one, *other])
    for term in other:
        made.forget(term)
    np.testing.assert_allclose(moments(made), moments(holding(one)), atol=1e-12)


@given(drawn=streams(), keep=st.floats(0.0, 1.0))
def test_what_an_earlier_session_counts_is_a_share_of_its_evidence(drawn: Streams, keep: float) -> None:
    made = holding(terms_of(drawn.first))
    information = made.information().copy()
    made.discount(keep)
    np.testing.assert_allclose(made.information(), keep * information, rtol=1e-12)


# -- scores ----------------------------------------------------------------------------------------------------


def scored(choices: list[Choice]) -> Prequential:
    made = Prequential()
    for design, chosen in choices:
        scores = times_vector(design, TRUTH)
        made.update(scores, choice_probabilities(scores), chosen)
    return made


#: What compares a choice with how often there was a click so far, which two streams do not know of each other.
ORDERED = "baseline_log_loss"


@given(drawn=streams())
def test_scores_of_two_streams_merge_by_adding(drawn: Streams) -> None:
    merged, together = scored(drawn.first), scored([*drawn.first, *drawn.second])
    merged.merge(scored(drawn.second))
    found, expected = merged.metrics(), together.metrics()
    assert found.keys() == expected.keys()
    for name in found.keys() - {ORDERED}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


@given(drawn=streams())
def test_merging_adds_every_sum(drawn: Streams) -> None:
    one, other = scored(drawn.first), scored(drawn.second)
    expected = {name: array + other.state()[name] for name, array in one.state().items()}
    one.merge(other)
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, expected[name])
