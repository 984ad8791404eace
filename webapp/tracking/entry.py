"""What is known of a visit when it begins: a few coarse classes, made from its first request; no more of it is kept.

No address and no agent string goes further than this module. What can't be told is ``unknown``.
"""

from typing import Final, get_args
from urllib.parse import urlsplit

from django.http import HttpRequest

from recsys.events import Device, EntryPage, Referrer, SessionBegan
from webapp.tracking.consent import Visit

#: Parts of host names.
_SEARCH: Final = frozenset(
    {
        "google",
        "bing",
        "duckduckgo",
        "yahoo",
        "ecosia",
        "baidu",
        "yandex",
        "startpage",
        "qwant",
        "kagi",
        "naver",
        "seznam",
    }
)
_SOCIAL: Final = frozenset(
    {
        "facebook",
        "instagram",
        "twitter",
        "x",
        "reddit",
        "linkedin",
        "pinterest",
        "tiktok",
        "youtube",
        "tumblr",
        "mastodon",
        "bsky",
        "threads",
        "vk",
        "weibo",
        "discord",
    }
)
#: Short addresses that social sites link by.
_SOCIAL_HOSTS: Final = frozenset({"t.co", "lnkd.in", "youtu.be", "pin.it", "t.me", "fb.me"})

_PAGES: Final[dict[str, EntryPage]] = {
    "feed:home": "home",
    "feed:item": "item",
    "feed:genres": "list",
    "feed:history": "list",
    "feed:search": "search",
}
_DESKTOPS: Final = ("Windows NT", "Macintosh", "X11", "CrOS")


def began(request: HttpRequest, visit: Visit) -> SessionBegan:
    """Return how the visit that this request began came here, as it is logged."""
    return SessionBegan(
        event_time_ms=visit.at_ms,
        session=visit.session,
        simulated=visit.simulated,
        referrer=referrer(request.headers.get("Referer", ""), request.get_host()),
        page=page(request),
        device=device(request.headers.get("User-Agent", ""), request.headers.get("Sec-CH-UA-Mobile", "")),
    )


def referrer(address: str, own_host: str) -> Referrer:
    """Return the class of the page that led here.

    >>> referrer("https://www.google.co.uk/", "freshet.example"), referrer("", "freshet.example")
    ('search', 'direct')
    """
    if not address:
        return "direct"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return "unknown"
    if host and parts.netloc == own_host:
        return "internal"
    # Without the top-level domain: "x.com" is a social site, "example.x" is not.
    names = frozenset(host.split(".")[:-1])
    if host in _SOCIAL_HOSTS or names & _SOCIAL:
        return "social"
    if names & _SEARCH:
        return "search"
    return "elsewhere" if names else "unknown"


def page(request: HttpRequest) -> EntryPage:
    """Return the kind of page that was asked for first."""
    match = request.resolver_match
    return _PAGES.get(match.view_name, "unknown") if match else "unknown"


def device(agent: str, mobile_hint: str) -> Device:
    """Return the class of device that a browser says it runs on.

    Parameters
    ----------
    agent : str
        The header User-Agent.
    mobile_hint : str
        The header Sec-CH-UA-Mobile, of browsers that send it.

    >>> device("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "")
    'phone'
    """
    if "iPad" in agent or "Tablet" in agent or ("Android" in agent and "Mobi" not in agent and mobile_hint != "?1"):
        return "tablet"
    if mobile_hint == "?1" or "Mobi" in agent:
        return "phone"
    return "desktop" if any(name in agent for name in _DESKTOPS) else "unknown"


#: What a class is called where people read it.
_CALLED: Final = {
    "direct": "no page before",
    "internal": "from a page of this site",
    "search": "from a search engine",
    "social": "from a social site",
    "elsewhere": "from another site",
    "home": "began on the front page",
    "item": "began on a film",
    "list": "began on a list",
}


def told(event: SessionBegan) -> str:
    """Return what the event says, in words."""
    page_said = "began with a search" if event.page == "search" else _CALLED.get(event.page, "")
    device_said = f"on a {event.device}" if event.device in get_args(Device)[1:] else ""
    return ", ".join(filter(None, (_CALLED.get(event.referrer, ""), page_said, device_said))) or "nothing known"
