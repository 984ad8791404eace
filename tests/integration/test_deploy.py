"""What is deployed is what is tested: pinned requirements, the image, the services, and the layers of the code."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.faults.learning import ROOT
from webapp.environment import environment

COMPILED = [("requirements.txt", None), ("requirements-dev.txt", "dev"), ("requirements-load.txt", "load")]
SERVICES = {"prepare", "web", "worker", "beat", "redis", "postgres", "nginx"}
SECRETS = {"FRESHET_SECRET_KEY": "only for this test", "POSTGRES_PASSWORD": "only for this test"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def pins(name: str) -> dict[str, str]:
    """Return package → version of a compiled requirements file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", (ROOT / name).read_text(), flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize(("file", "extra"), COMPILED)
def test_every_requirement_is_pinned_as_the_project_asks(file: str, extra: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]

    pinned = pins(file)

    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {file}: run `make lock`"
        assert requirement.specifier.contains(version), f"{file} has {version}, expected {requirement}: run `make lock`"


def test_all_requirements_files_pin_the_same_versions() -> None:
    development = pins("requirements-dev.txt")

    for file in ("requirements.txt", "requirements-load.txt"):
        assert {package: development[package] for package in pins(file)} == pins(file)


@pytest.mark.parametrize(("file", "extra"), COMPILED)
def test_nothing_is_pinned_that_nothing_asks_for(file: str, extra: str | None) -> None:
    """Each pin says why it is there (`# via`): a dependency that was dropped from the project would have no reason."""
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"][extra] if extra else []
    asked = {canonicalize_name(Requirement(each).name) for each in [*project["dependencies"], *extras]}
    for block in blocks:
        package = canonicalize_name(re.split(r"[\[=]", block, maxsplit=1)[0])
        assert ("freshet (pyproject.toml)" in block) == (package in asked), f"{package} in {file}: run `make lock`"


@pytest.mark.parametrize("file", [file for file, _ in COMPILED])
def test_pins_have_hashes_and_name_no_index(file: str) -> None:
    text = (ROOT / file).read_text()

    assert not re.search("--index-url|--find-links|https?://", text)
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block


def test_site_runs_without_what_only_tests_install() -> None:
    """What comes along with a development tool can hide that a requirement is missing."""
    only_for_tests = pins("requirements-dev.txt").keys() - pins("requirements.txt").keys()
    modules = [
        module
        for module, distributions in packages_distributions().items()
        if all(canonicalize_name(distribution) in only_for_tests for distribution in distributions)
    ]
    code = f"""
import sys
for name in {modules!r}:
    sys.modules[name] = None
import kombu.transport.redis, psycopg, webapp.asgi, webapp.celery, webapp.demo.__main__, webapp.training.services
from django.core.management import get_commands, load_command_class
for command, app in get_commands().items():
    load_command_class(app, command)
from recsys.models.registry import make_model
make_model("river-logistic", 3, forgetting_half_life_s=1.0)
"""
    environment = {**os.environ, "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please"}

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout


def test_compose_file_is_valid(tmp_path: Path) -> None:
    command = compose_command()
    if command is None:
        pytest.skip("needs a compose parser: apt-get install docker-compose, or Docker with its compose plugin")
    done = subprocess.run(
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config"],
        env={**os.environ, **SECRETS, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == SERVICES


def test_compose_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    command = compose_command()
    if command is None:
        pytest.skip("needs a compose parser: apt-get install docker-compose, or Docker with its compose plugin")
    done = subprocess.run(
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config"],
        env={**{name: value for name, value in os.environ.items() if name not in SECRETS}, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0
    assert "FRESHET_SECRET_KEY" in done.stderr or "POSTGRES_PASSWORD" in done.stderr


def compose_command() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    return None


def test_every_long_running_service_is_checked_restarted_and_unprivileged(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES
    for name in SERVICES - {"prepare"}:
        service = compose["services"][name]
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name
        assert service.get("user") or "unprivileged" in service["image"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_only_the_proxy_is_reachable_from_outside(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["nginx"]


def test_no_secret_is_baked_in(compose: dict[str, Any]) -> None:
    shared = compose["services"]["web"]["environment"]
    assert shared["FRESHET_SECRET_KEY"].startswith("${FRESHET_SECRET_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in shared["FRESHET_DATABASE_URL"]
    assert compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert "SECRET" not in (ROOT / "Dockerfile").read_text()


def test_deployed_settings_exist(compose: dict[str, Any]) -> None:
    used = set(compose["services"]["web"]["environment"])
    used |= set(re.findall(r"\bFRESHET_\w+", (ROOT / "Dockerfile").read_text()))

    assert {name for name in used if name.startswith("FRESHET_")} <= set(environment.declared)


def test_log_server_writes_every_event_before_it_answers_and_evicts_none(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"])

    assert "--appendonly yes --appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command


def test_compose_runs_the_processes_of_the_procfile(compose: dict[str, Any]) -> None:
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes

    assert set(processes) == {"web", "worker", "beat"}
    for name in processes:
        assert compose["services"][name]["command"] == ["deploy/start", name]


def test_start_script_becomes_the_process_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text('one: exec echo "$WHO" and "two words"\n')

    done = subprocess.run(
        [ROOT / "deploy" / "start", "one"],
        cwd=tmp_path,
        env={**os.environ, "WHO": "me"},
        capture_output=True,
        text=True,
    )
    missing = subprocess.run([ROOT / "deploy" / "start", "other"], cwd=tmp_path, capture_output=True, text=True)

    assert done.stdout == "me and two words\n"
    assert missing.returncode == 2


def test_image_is_built_in_stages_pinned_and_unprivileged() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()

    assert [line.split()[1] for line in lines if line.startswith("FROM")] == ["python:3.11-slim-bookworm"] * 2
    assert any("--require-hashes" in line for line in lines)
    assert [line for line in lines if line.startswith("USER")] == ["USER freshet"]
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    for source in [line.split()[-2] for line in lines if line.startswith("COPY --chown")]:
        assert (ROOT / source).exists(), source


def test_image_serves_static_files_compressed_and_for_good(tmp_path: Path) -> None:
    """What the image is built with fills the folder that its web process serves from."""
    (collect,) = re.findall(r"^RUN (.* collectstatic .*)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")} | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRESHET_STATIC_ROOT": str(tmp_path / "static"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    ask = """
import json, re, django
django.setup()
from django.test import Client
client = Client(HTTP_HOST="localhost")
links = re.findall(r'"(/static/[^"]+)"', client.get("/nothing/").content.decode())
answers = {link: client.get(link, headers={"Accept-Encoding": "gzip"}).headers for link in links}
print(json.dumps({link: [found.get("Content-Encoding"), found["Cache-Control"]] for link, found in answers.items()}))
"""

    built = subprocess.run(
        collect.replace("/tmp/", f"{tmp_path}/"), shell=True, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    asked = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=ROOT,
        env={**environment, "FRESHET_VAR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr

    answers = json.loads(asked.stdout.splitlines()[-1])
    assert any(re.fullmatch(r"/static/feed/css/page\.[0-9a-f]{12}\.css", link) for link in answers), answers
    for link, (encoding, caching) in answers.items():
        assert "immutable" in caching, link
        assert link.endswith((".css", ".js")) <= (encoding == "gzip"), link


def test_build_context_holds_only_what_the_image_takes() -> None:
    ignored, *taken = (ROOT / ".dockerignore").read_text().split()

    assert ignored == "*"
    for line in (each for each in taken if each.startswith("!")):
        assert (ROOT / line[1:]).exists(), line
