"""A log of simulated visitors, and Django over a folder of its own: for benchmarks that start no site."""

import argparse
import os
import subprocess
import sys
from pathlib import Path


def simulated_log(folder: Path, arguments: argparse.Namespace, *options: str) -> Path:
    """Have `recsys.simulation` write a log into `folder`; return it.

    Parameters
    ----------
    folder : Path
    arguments : argparse.Namespace
        With `events`, `days`, and `movielens`: a path or None.
    options : str
        Further ones of ``python -m recsys.simulation``.
    """
    command = [sys.executable, "-m", "recsys.simulation", "--events", str(arguments.events), "--out", str(folder)]
    command += ["--days", str(arguments.days), *options]
    if arguments.movielens:
        command += ["--movielens", str(arguments.movielens)]
    if code := subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise SystemExit(code)  # it has said why
    return folder


def set_up_django(folder: Path) -> None:
    """Let Django, and what its settings configure, run on that folder."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRESHET_VAR": str(folder),
        "FRESHET_SECRET_KEY": "a key for nothing but a measurement, long enough to please",
        "FRESHET_LEARN_FROM_SIMULATED": "1",
        "FRESHET_LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()
