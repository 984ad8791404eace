"""Compiled loops are never loaded from a cache that other code has filled."""

import os
import subprocess
import sys
from pathlib import Path

from recsys.compiled import sources_digest

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
    ]
    digests = [sources_digest(package(tmp_path / str(number), **state)) for number, state in enumerate(states)]
    assert len(set(digests)) == 3
    same = package(tmp_path / "same", **{**states[0], "other": "A = 2\n"})
    assert sources_digest(same) == digests[0], "what no loop is made of changes nothing"


def test_the_cache_that_is_used_names_the_state_of_the_code(tmp_path: Path) -> None:
    script = "import numpy as np\nfrom recsys.models.kernels import linear_scores\n"
    script += "print(linear_scores(np.ones((1, 2), dtype=np.float32), np.ones(2))[0])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == 2.0
    package_folder = Path(__file__).parents[2] / "recsys"
    assert [folder.name for folder in tmp_path.iterdir()] == [sources_digest(package_folder)]
