"""Start the demo: ``python -m webapp.demo [--dataset WHAT]``, or ``make demo``."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from webapp import redis_server, settings
from webapp.demo.announcement import Announcement, say
from webapp.demo.health import Health
from webapp.demo.processes import Supervisor
from webapp.demo.stage import DemoFailed, check_port, keep_secret_key, make_folder, redis_running
from webapp.environment import environment

_PATIENCE_S: Final = 120.0


def main() -> int:
    """Run the demo; return its exit code."""
    arguments = argparse.ArgumentParser(prog="make demo", description="Start the whole site on this machine.")
    arguments.add_argument("--dataset", help="see FRESHET_DATASET in docs/settings.md")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run(arguments.parse_args().dataset or settings.FRESHET_DATASET)
    except DemoFailed as error:
        sys.stderr.write(f"freshet: {error}\n")
        return 1
    except KeyboardInterrupt:
        say("stopped before it was ready; the next start goes on from here")
    return 0


def run(dataset: str) -> None:
    """Set the stage, prepare the site, and run it until it is stopped.

    Raises
    ------
    DemoFailed
        With one line that says why.
    """
    # The secret key is drawn in a moment; everything else must be right by now.
    if problems := [problem for problem in environment.problems if problem.name != "FRESHET_SECRET_KEY"]:
        raise DemoFailed(" ".join(f"{problem.message} {problem.hint}" for problem in problems))
    check_port(settings.FRESHET_HOST, settings.FRESHET_PORT)
    make_folder(settings.FRESHET_VAR)
    keep_secret_key(settings.FRESHET_VAR / "secret_key")
    url, folder = os.environ.get("FRESHET_REDIS_URL") or None, settings.FRESHET_VAR / "valkey"
    with redis_running(url, folder, settings.FRESHET_REDIS_APPENDFSYNC) as (url, server):
        failure = _prepare_and_supervise(_environment(url), dataset, server)
    if failure is not None:
        raise DemoFailed(failure)
    say("stopped; the next start remembers everything")


def _prepare_and_supervise(env: dict[str, str], dataset: str, server: redis_server.RunningServer | None) -> str | None:
    announcement = Announcement(_site(), _prepare(env, dataset))
    try:
        return Supervisor(
            settings.BASE_DIR / "Procfile",
            env,
            look=Health(_site(), env["FRESHET_REDIS_URL"], has_items=dataset != "none").missing,
            announce=announcement.ready,
            tell=say,
            still_there=lambda: _server_missing(server),
            patience_s=_PATIENCE_S,
        ).run()
    finally:
        announcement.login()


def _prepare(env: dict[str, str], dataset: str) -> str | None:
    """Run `manage.py prepare`; return the new staff password, None when there was one before.

    Raises
    ------
    SystemExit
        When it fails: it has said why by then, in one line.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "prepare", "--dataset", dataset]
    # In a session of its own: Ctrl-C comes here, and goes from here to there once.
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        told, _ = process.communicate()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if process.returncode:
        raise SystemExit(process.returncode)
    password: str | None = json.loads(told.splitlines()[-1])["staff_password"]
    return password


def _environment(redis_url: str) -> dict[str, str]:
    """Return the processes' environment: this one's, with what the demo decides."""
    return {
        "FRESHET_CONSENT_DEFAULT": "session",
        "FRESHET_SIMULATED_VISITORS": "1",
        "FRESHET_LEARN_FROM_SIMULATED": "1",
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRESHET_HOST": settings.FRESHET_HOST,
        "FRESHET_PORT": str(settings.FRESHET_PORT),
        "FRESHET_REDIS_URL": redis_url,
        "FRESHET_VAR": str(settings.FRESHET_VAR),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }


def _server_missing(server: redis_server.RunningServer | None) -> str | None:
    if server is None or server.process.poll() is None:
        return None
    return f"Redis ended (code {server.process.returncode}); see {settings.FRESHET_VAR / 'valkey' / 'server.log'}"


def _site() -> str:
    host = "127.0.0.1" if settings.FRESHET_HOST in ("0.0.0.0", "::") else settings.FRESHET_HOST
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.FRESHET_PORT}"


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
