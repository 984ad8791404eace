import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import RefusedEvent
from recsys.events import SlateServed
from webapp.tracking.tokens import SessionToken, read_session, read_slate, sign_session, sign_slate

TOKEN = SessionToken("session-1", "session", 1_700_000_000_000)
SLATE = SlateServed(event_time_ms=5, session="s", slate="sl", surface="trending", items=("a", "b"), version="9-0")


def reason_of(refused: pytest.ExceptionInfo[RefusedEvent]) -> str:
    return refused.value.reason


def test_session_token_comes_back_as_it_went():
    assert read_session(sign_session(TOKEN)) == TOKEN


def test_slate_token_holds_what_was_shown():
    slate = read_slate(sign_slate(SLATE))
    assert (slate.session, slate.slate, slate.surface, slate.items) == ("s", "sl", "trending", ("a", "b"))
    assert (slate.arm, slate.version) == ("adaptive", "9-0")


@given(place=st.integers(0, 200), flip=st.integers(1, 25))
def test_token_with_one_letter_changed_is_refused(place, flip):
    text = sign_session(TOKEN)
    place %= len(text)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    changed = letters[(letters.find(text[place]) + flip) % len(letters)]
    with pytest.raises(RefusedEvent) as refused:
        read_session(text[:place] + changed + text[place + 1 :])
    assert reason_of(refused) == "bad_signature"


@given(st.text(max_size=60))
def test_any_text_at_all_is_refused_and_never_an_error(text):
    with pytest.raises(RefusedEvent) as refused:
        read_slate(text)
    assert reason_of(refused) == "bad_signature"


@pytest.mark.parametrize("padding", ["!", "\n", " ", "=", "."])
def test_token_can_not_be_made_longer(padding):
    payload, _, mac = sign_session(TOKEN).partition(".")
    for text in (f"{payload}{padding * 400}.{mac}", f"{payload}.{mac}{padding * 400}"):
        with pytest.raises(RefusedEvent) as refused:
            read_session(text)
        assert reason_of(refused) == "bad_signature"


def test_token_of_one_purpose_never_passes_for_another():
    with pytest.raises(RefusedEvent) as refused:
        read_slate(sign_session(TOKEN))
    assert reason_of(refused) == "bad_signature"


def test_token_signed_with_another_key_is_refused(settings):
    text = sign_session(TOKEN)
    settings.SECRET_KEY = "another key altogether, as after a leak"
    with pytest.raises(RefusedEvent) as refused:
        read_session(text)
    assert reason_of(refused) == "bad_signature"


def test_token_survives_a_rotation_of_the_key(settings):
    text = sign_session(TOKEN)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the new key"
    assert read_session(text) == TOKEN
