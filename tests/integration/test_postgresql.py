"""The site on PostgreSQL: migrations, catalogue, and staff on a real server."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.learning import ROOT
from webapp.redis_server import free_port


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server of this test's own, which refuses to run as root."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    # Not under pytest's own folder, which only this user may enter.
    folder, port = Path(tempfile.mkdtemp(prefix="freshet-postgres-")), free_port()
    if user:
        shutil.chown(folder, user)
    run: dict[str, Any] = {"cwd": folder, "user": user, "stdout": subprocess.DEVNULL}
    binary = binaries[-1].parent
    subprocess.run([binary / "initdb", "-D", folder / "data", "-A", "trust", "-U", "freshet"], check=True, **run)
    options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
    start = [binary / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start"]
    try:
        subprocess.run(start, check=True, **run)
        yield f"postgresql://freshet@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([binary / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], check=False, **run)
        shutil.rmtree(folder)


def test_site_prepares_itself_on_postgresql(postgres: str, redis_server: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "items.csv").write_text("item,title,categories\na,Alien,horror|sf\nb,Brazil,sf\n")

    done = subprocess.run(
        [sys.executable, "manage.py", "prepare", "--dataset", str(own)],
        cwd=ROOT,
        env={
            **os.environ,
            "FRESHET_DATABASE_URL": postgres,
            "FRESHET_REDIS_URL": redis_server.replace("/0", "/7"),
            "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please",
            "FRESHET_VAR": str(tmp_path / "var"),
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    with psycopg.connect(postgres) as connection:
        assert connection.execute("select title from catalog_item order by title").fetchall() == [
            ("Alien",),
            ("Brazil",),
        ]
        assert connection.execute("select is_staff from auth_user").fetchall() == [(True,)]
