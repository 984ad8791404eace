"""Any choice of test files collects, not only all of them."""

from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_each_folder_of_tests_is_a_package():
    # Without one, a conftest.py is the module "conftest", of which there is one in a run.
    folders = {path.parent for path in TESTS.rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
