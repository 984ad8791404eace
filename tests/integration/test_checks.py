"""Startup checks: each bad setting has an id, a message and a hint."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from webapp import checks
from webapp.environment import Environment

GOOD: dict[str, Any] = {"SECRET_KEY": "s" * 40, "ALLOWED_HOSTS": ["localhost", "127.0.0.1"], "DEBUG": False}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Leave out what the machine's own environment says."""
    values = Environment({"FRESHET_PORT": "none", "FRESHET_PROT": "1", "FRESHET_TEST_REDIS_URL": "x"})
    monkeypatch.setattr(checks, "environment", Environment({}))
    return values


def found(**changes: Any) -> list[CheckMessage]:
    with override_settings(**{**GOOD, **changes}):
        return run_checks(tags=[checks.TAG])


def test_good_settings_pass() -> None:
    assert found() == []


def test_bad_value_and_misspelt_name_are_told(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    environment.integer("FRESHET_PORT", 8_000, "The port.")
    monkeypatch.setattr(checks, "environment", environment)
    assert [(message.id, message.msg.split()[0]) for message in found()] == [
        ("freshet.E001", "FRESHET_PORT:"),
        ("freshet.W001", "FRESHET_PROT"),
    ]


@pytest.mark.parametrize(
    ("changes", "id_"),
    [
        ({"SECRET_KEY": "short"}, "freshet.E003"),
        ({"DEBUG": True, "FRESHET_HOST": "0.0.0.0"}, "freshet.E004"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["example.org"]}, "freshet.E004"),
        ({"FRESHET_LOG_KEEP_EVENTS": 600, "FRESHET_LOG_MAX_EVENTS": 1_000}, "freshet.E005"),
        ({"FRESHET_SESSION_TTL_S": 600, "FRESHET_SESSION_GAP_S": 601}, "freshet.E006"),
        ({"FRESHET_SESSION_TTL_S": 3_600, "FRESHET_RECOGNISED_SESSION_TTL_S": 3_599}, "freshet.E006"),
        ({"FRESHET_MODEL": "river:linear_model.NoSuchModel"}, "freshet.E007"),
        ({"FRESHET_MODEL": "river:linear_model.LinearRegression"}, "freshet.E007"),
        ({"FRESHET_STATIC_ROOT": Path("/nowhere")}, "freshet.E008"),
        ({"ALLOWED_HOSTS": ["example.org"], "FRESHET_HTTPS": False}, "freshet.W002"),
    ],
)
def test_bad_setting_has_an_id_and_a_hint(changes: dict[str, Any], id_: str) -> None:
    (message,) = found(**changes)
    assert message.id == id_
    assert message.hint


def test_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    (message,) = found(FRESHET_VAR=tmp_path / "var")
    assert message.id == "freshet.E002"


def test_debug_on_loopback_and_https_elsewhere_are_fine() -> None:
    assert found(DEBUG=True) == []
    assert found(ALLOWED_HOSTS=["example.org"], FRESHET_HTTPS=True) == []


def test_server_refuses_to_start_with_every_error_and_its_hint() -> None:
    with override_settings(**{**GOOD, "SECRET_KEY": "short"}), pytest.raises(SystemExit) as refused:
        checks.refuse_to_start_on_errors()
    assert "freshet.E003: FRESHET_SECRET_KEY: expected 32 or more characters, received 5." in str(refused.value)
    assert "secrets.token_urlsafe" in str(refused.value)


def test_warnings_do_not_keep_a_server_from_starting() -> None:
    with override_settings(**{**GOOD, "ALLOWED_HOSTS": ["example.org"]}):
        checks.refuse_to_start_on_errors()
