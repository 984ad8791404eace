"""Which sites may be put under load: those on this machine, unless somebody says otherwise."""

import ipaddress
import socket
from urllib.parse import urlsplit

from recsys.errors import FreshetError


class TargetRefused(FreshetError):
    """The site may not be put under load; the message says what to do."""


def check_target(url: str, *, allow_remote: bool) -> None:
    """Let loopback addresses pass.

    Raises
    ------
    TargetRefused
        When `url` is no address of a site without TLS, or names another machine and `allow_remote` is not set.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise TargetRefused(f"expected the target as http://HOST:PORT, received {url!r}")
    if allow_remote:
        return
    for address in _addresses(parts.hostname):
        if not ipaddress.ip_address(address).is_loopback:
            raise TargetRefused(
                f"expected a target on this machine (loopback), received {url} ({address}): "
                "with --allow-remote a load test runs against other people's machines, which must be yours to load"
            )


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TargetRefused(f"the target {host!r} can't be found ({error})") from None
    # An address of the link carries its interface behind a percent sign.
    return sorted({str(address[4][0]).partition("%")[0] for address in found})
