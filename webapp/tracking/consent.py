"""What a visitor allows: three modes, the cookies that carry them, and what switching does.

`off` adapts in memory and logs nothing; `session` logs under a session id that ends with the visit; `visitor` adds an
id that is recognised next time. The visitor cookie exists in `visitor` mode only.
"""

import dataclasses
import re
import secrets
from collections.abc import Mapping
from typing import Final, get_args

from django.conf import settings
from django.http import HttpResponseBase

from recsys.errors import RefusedEvent
from recsys.experiments.arms import ADAPTIVE, assign
from webapp import wiring
from webapp.tracking.tokens import Consent, SessionToken, read_session, sign_session
from webapp.tracking.validation import MAX_AGE_MS

CONSENT_COOKIE: Final = "freshet_consent"
SESSION_COOKIE: Final = "freshet_session"
VISITOR_COOKIE: Final = "freshet_visitor"

MODES: Final[tuple[Consent, ...]] = get_args(Consent)
_YEAR_S: Final = 365 * 86_400
_VISITOR_ID: Final = re.compile(r"[\w-]{22}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """Who is here, as far as they allow it to be known.

    Attributes
    ----------
    session : str
        Session id, shared by all tabs.
    consent : str
        ``off``, ``session`` or ``visitor``.
    visitor : str
        Visitor id in `visitor` mode, else empty.
    at_ms : int
        Time of this request.
    new : bool
        The session began with this request.
    adaptive : bool
        Whether slates follow the session; False is the control arm. Assigned when the session begins, by visitor where
        one is known, and carried by the session's token from then on.
    simulated : bool
        Nobody is there: a simulator or load test asks.
    """

    session: str
    consent: Consent
    visitor: str
    at_ms: int
    new: bool
    adaptive: bool = True
    simulated: bool = False

    @property
    def token(self) -> str:
        """The session token for pages and the cookie."""
        return sign_session(SessionToken(self.session, self.consent, self.at_ms, self.adaptive, self.simulated))

    @property
    def logged(self) -> bool:
        """Whether what happens may enter the log."""
        return self.consent != "off"


def visit_from(cookies: Mapping[str, str], now_ms: int, *, page: str = "", simulated: bool = False) -> Visit:
    """Return the visit that the cookies describe: the running session within its inactivity gap, else a new one.

    Works on a request's cookies and on those of a websocket handshake; writes nothing. Where no session is running,
    that of the open page goes on whose token `page` is: what it fetches belongs to what it shows, as its socket does.
    Who says to be `simulated` never goes on with a session that did not begin so.
    """
    consent = _chosen(cookies)
    visitor = _visitor(cookies) if consent == "visitor" else ""
    gap_ms = wiring.config().session_gap_s * 1_000
    running = _going_on(cookies.get(SESSION_COOKIE, ""), consent, now_ms - gap_ms)
    running = running or _going_on(page, consent, now_ms - MAX_AGE_MS)
    if running is None or (simulated and not running.simulated):
        return _begun(new_id(), consent, visitor, now_ms, simulated)
    return Visit(running.session, consent, visitor, now_ms, False, running.adaptive, running.simulated)


def unseen(now_ms: int, *, simulated: bool = False) -> Visit:
    """Return the visit of a request whose answer nobody sees (HEAD): a stranger's, of which nothing is kept."""
    return _begun(new_id(), "off", "", now_ms, simulated)


def switched(visit: Visit, consent: Consent) -> Visit:
    """Return the visit after the visitor chose `consent`.

    Allowing more goes on with what the session has learned, in its arm. Allowing less, or coming from `off`, begins a
    new session: what was logged and what must not be are never one.
    """
    if consent == visit.consent:
        return visit
    visitor = new_id() if consent == "visitor" else ""
    if visit.consent == "session" and consent == "visitor":
        return dataclasses.replace(visit, consent=consent, visitor=visitor, new=False)
    return _begun(new_id(), consent, visitor, visit.at_ms, visit.simulated)


def begun_anew(visit: Visit) -> Visit:
    """Return a new session of the same visitor, under the same consent."""
    return _begun(new_id(), visit.consent, visit.visitor, visit.at_ms, visit.simulated)


def remember(response: HttpResponseBase, visit: Visit, cookies: Mapping[str, str]) -> None:
    """Set the cookies of the visit; a visitor id among the browser's `cookies` that is not allowed is removed."""
    gap_s = wiring.config().session_gap_s
    # Without consent nothing outlives the browser; the server ends the session by its gap all the same.
    _set(response, SESSION_COOKIE, visit.token, gap_s if visit.logged else None)
    if visit.visitor:
        _set(response, VISITOR_COOKIE, visit.visitor, _YEAR_S)
    elif VISITOR_COOKIE in cookies:
        response.delete_cookie(VISITOR_COOKIE, samesite="Lax")


def remember_choice(response: HttpResponseBase, consent: Consent) -> None:
    """Set the cookie that holds the choice itself; scripts read it, as pages that "back" brings again may be older."""
    _set(response, CONSENT_COOKIE, consent, _YEAR_S, httponly=False)


def consent_named(name: str) -> Consent | None:
    """Return the mode of that name, None when there is none."""
    return next((mode for mode in MODES if mode == name), None)


def new_id() -> str:
    """Return an id that nobody can guess: 128 random bits."""
    return secrets.token_urlsafe(16)


def _begun(session: str, consent: Consent, visitor: str, at_ms: int, simulated: bool) -> Visit:
    share = settings.FRESHET_SIMULATED_CONTROL_SHARE if simulated else settings.FRESHET_CONTROL_SHARE
    arm = assign(visitor or session, settings.FRESHET_ARM_SALT or settings.SECRET_KEY, share)
    return Visit(session, consent, visitor, at_ms, True, arm == ADAPTIVE, simulated)


def _chosen(cookies: Mapping[str, str]) -> Consent:
    """Return the mode chosen, or the site's default for those who have not chosen."""
    return consent_named(cookies.get(CONSENT_COOKIE, "")) or consent_named(settings.FRESHET_CONSENT_DEFAULT) or "off"


def _going_on(text: str, consent: Consent, since_ms: int) -> SessionToken | None:
    """Return a session's token; None when it is none, older than `since_ms`, or consent changed under it."""
    try:
        token = read_session(text)
    except RefusedEvent:
        return None
    return token if token.at_ms >= since_ms and token.consent == consent else None


def _visitor(cookies: Mapping[str, str]) -> str:
    given = cookies.get(VISITOR_COOKIE, "")
    return given if _VISITOR_ID.fullmatch(given) else new_id()


def _set(response: HttpResponseBase, name: str, value: str, max_age_s: int | None, *, httponly: bool = True) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=max_age_s, httponly=httponly, samesite="Lax", secure=secure)
