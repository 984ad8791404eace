"""Which sites may be put under load: those on this machine, unless somebody says otherwise."""

import contextlib
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from recsys.errors import FreshetError

_ANSWER_S: Final = 3.0


class TargetRefused(FreshetError):
    """The site may not be put under load; the message says what to do."""


def check_target(url: str, *, allow_remote: bool) -> None:
    """Let loopback addresses pass.

    Raises
    ------
    TargetRefused
        When `url` is no address of a site without TLS, or names another machine and `allow_remote` is not set.
    """
    host, _ = _place(url)
    if allow_remote:
        return
    for address in _addresses(host):
        if not ipaddress.ip_address(address).is_loopback:
            raise TargetRefused(
                f"expected a target on this machine (loopback), received {url} ({address}): "
                "with --allow-remote a load test runs against other people's machines, which must be yours to load"
            )


def check_listens(url: str) -> None:
    """Raise `TargetRefused` when nobody is there to be put under load."""
    try:
        socket.create_connection(_place(url), timeout=_ANSWER_S).close()
    except OSError as error:
        raise TargetRefused(f"nothing listens at {url} ({error}): start the site, or leave out --host") from None


def _place(url: str) -> tuple[str, int]:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            return parts.hostname, parts.port or 80
    raise TargetRefused(f"expected the target as http://HOST:PORT, received {url!r}")


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TargetRefused(f"the target {host!r} can't be found ({error})") from None
    # An address of the link carries its interface behind a percent sign.
    return sorted({str(address[4][0]).partition("%")[0] for address in found})
