"""Settings: declared once, typed, documented, and never the reason for a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from webapp.environment import Environment, environment
from webapp.management.commands.settings_reference import reference

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run Python with only these settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**env, **values}, capture_output=True, text=True, check=False
    )


def test_reference_is_what_the_declarations_say() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == reference(environment.declared.values()), (
        "docs/settings.md has drifted: run `manage.py settings_reference > docs/settings.md`"
    )


def test_command_prints_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("settings_reference")
    assert capsys.readouterr().out == (ROOT / "docs" / "settings.md").read_text()


def test_every_declaration_is_a_django_setting_of_the_same_name() -> None:
    assert all(hasattr(settings, name) for name in environment.declared)


def test_every_setting_named_in_the_code_is_declared() -> None:
    named = {
        name
        for folder in ("webapp", "deploy")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".conf", ".yml", ".html")
        for name in re.findall(r"\bFRESHET_[A-Z_]*[A-Z]\b", path.read_text())
    }
    assert named <= set(environment.declared)


@pytest.mark.parametrize(
    ("given", "read"),
    [("7", 7), (" 1_000 ", 1_000), ("", 5), ("seven", 5), ("0", 5), ("1001", 5), ("1.5", 5)],
)
def test_integer_is_read_within_its_bounds_else_the_default_stands(given: str, read: int) -> None:
    values = Environment({"FRESHET_N": given})
    assert values.integer("FRESHET_N", 5, "A number.", at_least=1, at_most=1_000) == read
    assert bool(values.problems) == (bool(given.strip()) and read == 5)


@pytest.mark.parametrize(("given", "read"), [(2**63 - 1, 2**63 - 1), (2**63, 5)])
def test_integer_without_an_upper_bound_still_has_64_bits(given: int, read: int) -> None:
    values = Environment({"FRESHET_N": str(given)})
    assert values.integer("FRESHET_N", 5, "A number.") == read
    assert bool(values.problems) == (read == 5)


def test_times_that_milliseconds_of_64_bits_can_not_hold_are_refused(tmp_path: Path) -> None:
    names = ("ATTRIBUTION_WINDOW_S", "SESSION_TTL_S", "RECOGNISED_SESSION_TTL_S", "LEASE_MS")
    given = {f"FRESHET_{name}": str(2**63 - 1) for name in names}
    done = run("manage.py", "check", FRESHET_VAR=str(tmp_path), **given)
    assert done.returncode != 0
    assert all(f"{name}: expected whole number from" in done.stderr for name in given)


@pytest.mark.parametrize(("given", "read"), [("1", True), ("Yes", True), ("off", False), ("0", False), ("", True)])
def test_flag_is_read(given: str, read: bool) -> None:
    assert Environment({"FRESHET_F": given}).flag("FRESHET_F", True, "A flag.") is read


@pytest.mark.parametrize("given", ["nan", "inf", "-1", "x"])
def test_number_is_finite_and_within_its_bound(given: str) -> None:
    values = Environment({"FRESHET_X": given})
    assert values.number("FRESHET_X", 0.5, "A number.") == 0.5
    assert "expected number from 0, received" in values.problems[0].message


def test_choice_url_and_words_are_read() -> None:
    values = Environment({"FRESHET_C": "b", "FRESHET_U": "redis://h:1", "FRESHET_W": "a, b,,c"})
    assert values.choice("FRESHET_C", "a", "A choice.", among=("a", "b")) == "b"
    assert values.url("FRESHET_U", "redis://x", "A URL.", schemes=("redis",)) == "redis://h:1"
    assert values.words("FRESHET_W", (), "Words.") == ["a", "b", "c"]
    assert not values.problems


def test_wrong_choice_and_url_name_what_was_expected() -> None:
    values = Environment({"FRESHET_C": "z", "FRESHET_U": "http://h"})
    values.choice("FRESHET_C", "a", "A choice.", among=("a", "b"))
    values.url("FRESHET_U", "redis://x", "A URL.", schemes=("redis",))
    assert [problem.message for problem in values.problems] == [
        "FRESHET_C: expected one of a, b, received 'z'.",
        "FRESHET_U: expected URL beginning with redis://, with signs in a password percent-encoded, received 'http://h'.",
    ]


@pytest.mark.parametrize("rest", ["u:pass#word@host/1", "u:pass/word@host/1", "host:port/1", "host:99999/1", "[host/1"])
def test_url_that_can_not_be_taken_apart_is_said_without_its_password(rest: str) -> None:
    values = Environment({"FRESHET_U": f"redis://{rest}"})
    assert values.url("FRESHET_U", "redis://x", "A URL.", schemes=("redis",)) == "redis://x"
    (problem,) = values.problems
    assert problem.message.startswith("FRESHET_U: expected URL beginning with redis://")
    assert "#word" not in problem.message and "/word" not in problem.message


def test_urls_that_can_not_be_taken_apart_are_reported_at_start(tmp_path: Path) -> None:
    given = {
        "FRESHET_DATABASE_URL": "postgresql://u:pass#word@host/1",
        "FRESHET_REDIS_URL": "redis://u:pass/word@host/1",
    }
    done = run("manage.py", "check", FRESHET_VAR=str(tmp_path), **given)
    assert done.returncode != 0
    assert all(f"{name}: expected URL beginning with" in done.stderr for name in given)
    assert "Traceback" not in done.stderr and "#word" not in done.stderr and "/word" not in done.stderr


def test_nothing_is_declared_twice() -> None:
    values = Environment({})
    values.flag("FRESHET_F", True, "A flag.")
    with pytest.raises(ValueError, match="declared twice"):
        values.flag("FRESHET_F", True, "A flag.")


def test_secret_is_read_from_the_file_that_the_demo_keeps(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("kept-by-the-demo-kept-by-the-demo-kept\n")
    done = run("-c", "from webapp import settings; print(settings.SECRET_KEY)", FRESHET_VAR=str(tmp_path))
    assert done.stdout.strip() == "kept-by-the-demo-kept-by-the-demo-kept"


def test_redis_is_the_server_that_the_demo_started(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "port").write_text("23456\n")
    done = run("-c", "from webapp import settings; print(settings.FRESHET_REDIS_URL)", FRESHET_VAR=str(tmp_path))
    assert done.stdout.strip() == "redis://127.0.0.1:23456"


def test_without_a_secret_nothing_starts_and_the_hint_says_why(tmp_path: Path) -> None:
    for arguments in (("manage.py", "check"), ("-c", "import webapp.asgi")):
        done = run(*arguments, FRESHET_VAR=str(tmp_path))
        assert done.returncode != 0
        assert "FRESHET_SECRET_KEY: expected a secret" in done.stderr
        assert "Traceback" not in done.stderr


def test_logs_are_lines_of_json_where_wanted(tmp_path: Path) -> None:
    code = "import django, logging; django.setup(); logging.getLogger('uvicorn.error').warning('hot', extra={'n': 1})"
    done = run(
        "-c", code, FRESHET_VAR=str(tmp_path), FRESHET_LOG_FORMAT="json", DJANGO_SETTINGS_MODULE="webapp.settings"
    )
    assert re.search(r'"n": 1.*"event": "hot"|"event": "hot".*"n": 1', done.stdout)


@pytest.mark.parametrize("form", ["json", "console"])
def test_logged_traceback_says_where_and_not_with_which_values(tmp_path: Path, form: str) -> None:
    (tmp_path / "failing.py").write_text(
        "import logging\n\ndef fail(password):\n    raise ValueError('no')\n\ntry:\n    fail('hunter' + '2')\n"
        "except ValueError:\n    logging.getLogger('django.request').exception('failed')\n"
    )
    code = "import django; django.setup(); import failing"
    done = run(
        "-c",
        code,
        FRESHET_VAR=str(tmp_path),
        FRESHET_LOG_FORMAT=form,
        DJANGO_SETTINGS_MODULE="webapp.settings",
        PYTHONPATH=str(tmp_path),
    )
    assert "failing.py" in done.stdout and "ValueError" in done.stdout
    assert "hunter2" not in done.stdout


def said(folder: Path, form: str, code: str) -> list[str]:
    """Return the lines of a process that sets Django up by itself, with logs in this form."""
    done = run("-c", code, FRESHET_VAR=str(folder), FRESHET_LOG_FORMAT=form, DJANGO_SETTINGS_MODULE="webapp.settings")
    return done.stdout.splitlines()


@pytest.mark.parametrize("form", ["json", "console"])
def test_request_for_another_site_is_told_of_in_one_line_and_is_no_error(tmp_path: Path, form: str) -> None:
    code = (
        "import django; django.setup(); from django.test import Client;"
        "print(Client().get('/nothing/', headers={'host': 'elsewhere.example'}).status_code)"
    )
    line, status = said(tmp_path, form, code)
    assert status == "400"
    assert "elsewhere.example" in line and "warning" in line


@pytest.mark.parametrize("form", ["json", "console"])
def test_answer_that_something_is_away_or_taken_is_no_error(tmp_path: Path, form: str) -> None:
    code = (
        "import django; django.setup(); from django.http import HttpResponse; from django.test import RequestFactory;"
        "from django.utils.log import log_response; request = RequestFactory().get('/staff/live/events/');"
        "[log_response('refused %d', n, response=HttpResponse(status=n), request=request) for n in (503, 500)]"
    )
    foreseen, failed = said(tmp_path, form, code)
    assert "refused 503" in foreseen and "warning" in foreseen
    assert "refused 500" in failed and "error" in failed


@pytest.mark.parametrize("form", ["json", "console"])
def test_channel_layer_without_redis_is_told_of_in_one_line(tmp_path: Path, form: str) -> None:
    code = (
        "import django, logging, redis; django.setup()\n"
        "try: raise redis.ConnectionError('connecting to 127.0.0.1:1')\n"
        "except redis.RedisError: logging.getLogger('channels_redis.pubsub').exception('in the %s task', 'receive')"
    )
    (line,) = said(tmp_path, form, code)
    assert "in the receive task: connecting to 127.0.0.1:1" in line and "warning" in line
