"""The site on PostgreSQL: migrations, catalogue, and staff on a real server."""

import itertools
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

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server of this module's own, which refuses to run as root."""
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
        yield f"postgresql://freshet@127.0.0.1:{port}"
    finally:
        subprocess.run([binary / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], check=False, **run)
        shutil.rmtree(folder)


@pytest.fixture
def postgres(server: str) -> str:
    """The URL of an empty database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"{server}/{name}"


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


#: Counts anew twice, then asks for the pages that read the counts.
PAGES = """
from django.core.management import call_command
call_command("rebuild_aggregates")
call_command("rebuild_aggregates")
from django.contrib.auth.models import User
from django.test import Client
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_superuser("ada"))
for page in ("overview", "learning", "labels"):
    for period in ("24h", "90d"):
        response = client.get(f"/staff/{page}/?until=2026-01-03&period={period}")
        assert response.status_code == 200 and b"<svg" in response.content, (page, period, response.status_code)
asked = {
    "items/?sort=-clicks&impressions_min=1": b"Brazil",
    "items/?sort=title&title=braz&csv=items": b"Brazil,b,,3,3,1.0,0.43",
    "items/b/": b"opened 3 times",
    "sessions/?sort=-events&clicks_min=1&session=s2": b"s2",
    "sessions/?csv=sessions&sort=session": b"s1,",
    "live/": b"Live", "models/": b"Versions in the store", "dead-letters/": b"There are none", "knob/": b"Turn",
}
for path, expected in asked.items():
    response = client.get(f"/staff/{path}")
    content = b"".join(response) if response.streaming else response.content
    assert response.status_code == 200 and expected in content, (path, response.status_code, content[-3000:])
"""


def test_counts_add_up_on_postgresql(postgres: str, redis_server: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "items.csv").write_text("item,title\na,Alien\nb,Brazil\n")
    happened = (
        "slate,0,,,a|b,trending",
        "impression,0,a,0,,",
        "impression,1,b,1,,",
        "click,5,b,1,,",
    )
    lines = ["type,time,session,slate,item,position,items,surface"]
    for day in (1, 2, 3):
        for kind, second, *rest in (line.split(",") for line in happened):
            lines.append(",".join((kind, f"2026-01-0{day}T20:15:0{second}Z", f"s{day}", f"list-{day}", *rest)))
    (own / "events.csv").write_text("\n".join([*lines, ""]))
    environment = {
        **os.environ,
        "FRESHET_DATABASE_URL": postgres,
        "FRESHET_REDIS_URL": redis_server.replace("/0", "/6"),
        "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please",
        "FRESHET_VAR": str(tmp_path / "var"),
    }

    for command in (["prepare", "--dataset", str(own)], ["shell", "--no-imports", "--command", PAGES]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    with psycopg.connect(postgres) as connection:
        assert connection.execute(
            "select sum(slates), sum(impressions), sum(clicks) from analytics_traffic where hours = 24"
        ).fetchall() == [(3, 6, 3)]
        assert connection.execute(
            "select item, sum(impressions), sum(clicks) from analytics_itemtraffic where hours = 168 "
            "group by item order by item"
        ).fetchall() == [("a", 3, 0), ("b", 3, 3)]
        assert connection.execute("select count(*), sum(clicks) from analytics_sessionsitting").fetchall() == [(3, 3)]
        assert connection.execute("select count(*) from training_learnedhour").fetchall() == [(3,)]
