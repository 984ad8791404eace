"""Compiled loops are never loaded from a cache that other code has filled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.compiled import sources_digest

PACKAGE = Path(__file__).parents[2] / "recsys"

LOOP = "from recsys.compiled import compiled\n\n@compiled\ndef f(x):\n    return x + LIMIT\n"


def package(folder: Path, **sources: str) -> Path:
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def test_a_changed_constant_or_loop_has_a_cache_of_its_own(tmp_path: Path) -> None:
    states = [
        {"layout": "LIMIT = 1\n", "loop": LOOP, "other": "A = 1\n"},
        {"layout": "LIMIT = 2\n", "loop": LOOP, "other": "A = 1\n"},
        {"layout": "LIMIT = 1\n", "loop": LOOP + "\n", "other": "A = 1\n"},
        {"layout": "LIMIT = 1\n", "loop": LOOP.replace("compiled\n", "inlined\n"), "other": "A = 1\n"},
        {"layout": "LIMIT = 1\n", "loop": LOOP.replace("compiled\n", "inlined\n") + "\n", "other": "A = 1\n"},
    ]
    digests = [sources_digest(package(tmp_path / str(number), **state)) for number, state in enumerate(states)]
    assert len(set(digests)) == len(states)
    same = package(tmp_path / "same", **{**states[0], "other": "A = 2\n"})
    assert sources_digest(same) == digests[0], "what no loop is made of changes nothing"


@pytest.mark.parametrize("chosen", [True, False])
def test_the_cache_that_is_used_names_the_state_of_the_code(tmp_path: Path, chosen: bool) -> None:
    package_folder = Path(shutil.copytree(PACKAGE, tmp_path / "recsys", ignore=shutil.ignore_patterns("__pycache__")))
    caches = tmp_path / "caches" if chosen else package_folder / "__pycache__"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    script = "import numpy as np\nfrom recsys.models.product import times_vector\n"
    script += "print(times_vector(np.ones((1, 2), dtype=np.float32), np.ones(2))[0])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**environment, **({"NUMBA_CACHE_DIR": str(caches)} if chosen else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == 2.0
    filled = {file.relative_to(caches).parts[0] for file in tmp_path.rglob("*.nbc")}
    assert filled == {sources_digest(package_folder)}
