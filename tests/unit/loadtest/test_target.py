"""A load test goes to this machine only, unless somebody says otherwise."""

import socket

import pytest

from loadtest.target import TargetRefused, check_listens, check_target


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "http://127.9.9.9"]
)
def test_loopback_is_let_pass(url: str):
    check_target(url, allow_remote=False)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.7:8000", "http://[2001:db8::1]", "http://0.0.0.0:8000", "http://10.0.0.1"]
)
def test_another_machine_is_refused_with_the_option_that_allows_it(url: str):
    with pytest.raises(TargetRefused, match="--allow-remote"):
        check_target(url, allow_remote=False)
    check_target(url, allow_remote=True)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "https://127.0.0.1", "http://", "http://127.0.0.1:99999"]
)
def test_what_is_no_site_is_refused_whatever_is_allowed(url: str):
    with pytest.raises(TargetRefused, match="expected the target as http://HOST:PORT"):
        check_target(url, allow_remote=True)


def test_site_that_is_not_there_is_not_loaded():
    with socket.create_server(("127.0.0.1", 0)) as site:
        url = f"http://127.0.0.1:{site.getsockname()[1]}"
        check_listens(url)
    with pytest.raises(TargetRefused, match="nothing listens at"):
        check_listens(url)


def test_name_that_nobody_knows_is_refused():
    with pytest.raises(TargetRefused, match="can't be found"):
        check_target("http://no-such-host.invalid", allow_remote=False)
