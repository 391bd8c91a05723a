"""The set-up's files agree with one another, and the base install stays small."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
SUPPORTED = [
    Version(f"3.{minor}") for minor in range(8, 20) if Version(f"3.{minor}") in SpecifierSet(PROJECT["requires-python"])
]
STAMP = Path(sys.prefix) / "saw-edu.stamp"


def constraint_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


PINS = {canonicalize_name(line.split("==")[0]): Version(line.split("==")[1]) for line in constraint_lines()}


def requirements(*extras: str) -> list[Requirement]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(text) for texts in lists for text in texts]


def installed(roots: list[Requirement]) -> dict[str, str]:
    """Canonical name -> version of everything that these requirements bring, as the environment's metadata say."""
    found: dict[str, str] = {}
    pending = [(canonicalize_name(root.name), extra) for root in roots for extra in ("", *root.extras)]
    seen = set()
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        for text in distribution.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                pending += [(canonicalize_name(needed.name), wanted) for wanted in ("", *needed.extras)]
    return found


def test_constraints_are_plain_pins_for_any_machine():
    for line in constraint_lines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), f"not a plain `name==version`: {line}"
    assert len(PINS) == len(constraint_lines()), "a package is pinned twice"
    assert Version("2.13.0") == PINS["torch"]


@pytest.mark.parametrize("requirement", requirements("dev", "ogbench"), ids=lambda r: r.name)
def test_every_dependency_is_pinned_to_a_version_it_allows(requirement):
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, (
        f"{requirement.name} is in pyproject.toml and not in constraints.txt: install it, then `make pin`"
    )
    assert pin in requirement.specifier, (
        f"constraints.txt pins {requirement.name} to {pin}; pyproject.toml says {requirement}"
    )


def test_everything_the_dependencies_bring_is_pinned():
    brought = installed(requirements("dev"))
    assert "torch" in brought
    assert len(brought) > 80
    cuda = ("nvidia-", "cuda-", "triton")
    open_names = {name for name in brought if name not in PINS and not name.startswith(cuda)}
    assert not open_names, f"not pinned: {sorted(open_names)}; run `make pin`"


@pytest.mark.skipif(not STAMP.exists(), reason="this environment was not made by `make`")
def test_the_environment_that_make_made_has_the_pinned_versions():
    for name, version in installed(requirements("dev")).items():
        if name in PINS:
            assert Version(Version(version).public) == PINS[name], name


def test_the_base_install_has_no_mujoco():
    base = installed(requirements())
    assert {"torch", "gymnasium", "minigrid", "jupyterlab", "nbgrader"} <= base.keys(), "the walk did not see the base"
    assert not [name for name in base if name.startswith(("mujoco", "ogbench", "dm-control", "dm-env"))]


def test_conda_installs_this_package_with_the_same_pins():
    assert ENVIRONMENT["name"] == PROJECT["name"]
    python, *others = ENVIRONMENT["dependencies"]
    name, version = python.split("=")
    assert name == "python"
    assert Version(version) in SUPPORTED
    assert others[0] == "pip"
    assert others[1:] == [{"pip": ["--constraint constraints.txt", "--editable .[dev]"]}], "pip brings everything else"


def test_every_file_names_the_same_versions_of_python_and_the_build_tool():
    script = (ROOT / "scripts/bootstrap.sh").read_text("utf-8")
    low, high = SUPPORTED[0].minor, SUPPORTED[-1].minor
    build_tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"][0]
    assert f'BUILD_TOOL="{build_tool}"\n' in script
    assert f"MINIMUM_MINOR={low}\nMAXIMUM_MINOR={high}\n" in script
    looked_for = re.search(r"for PYTHON in (.*) python3; do", script)
    assert looked_for
    assert looked_for[1].split() == [f"python3.{minor}" for minor in range(high, low - 1, -1)]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert settings["mypy"]["python_version"] == f"3.{low}"
    assert f"3.{low} to 3.{high}" in (ROOT / "README.md").read_text("utf-8")


def test_pin_cuts_local_versions_and_refuses_what_is_no_release():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from pin import pins
    finally:
        sys.path.pop(0)
    assert pins("torch==2.13.0+cpu\nnvidia-cublas==13.1\nattrs==26.1.0\n") == ["attrs==26.1.0", "torch==2.13.0"]
    with pytest.raises(ValueError, match="not a released version"):
        pins("thing @ file:///somewhere/thing.whl")


def test_make_help_lists_every_task_once():
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == phony[1].split()


# The pages a newcomer sees

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def links(page: Path) -> list[str]:
    return [match[1] for match in LINK.finditer(page.read_text("utf-8")) if "://" not in match[1]]


def rows(page: Path) -> list[list[str]]:
    """The chapter table's rows: number, chapter, two more cells."""
    found = re.findall(r"^\| (\d+) \| (.*) \| (.*) \| (.*) \|$", page.read_text("utf-8"), re.MULTILINE)
    return [list(row) for row in found]


@pytest.mark.parametrize("page", ["README.md", "notebooks/README.md"])
def test_no_link_is_dead(page):
    assert links(ROOT / page)
    for link in links(ROOT / page):
        assert (ROOT / page).parent.joinpath(link).exists(), f"{page} links to {link}, which is not there"


@pytest.mark.parametrize("page", ["README.md", "notebooks/README.md"])
def test_pictures_are_small_and_described(page):
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", (ROOT / page).read_text("utf-8"))
    assert pictures
    for description, link in pictures:
        path = (ROOT / page).parent / link
        assert len(description) > 80, f"{link} needs an alternative text that says what it shows"
        assert path.stat().st_size < 300_000
        assert path.with_suffix(".json").is_file(), f"{link} has no provenance"


@pytest.mark.parametrize("page", ["README.md", "notebooks/README.md"])
def test_every_chapter_is_one_click_away_and_no_other_is_promised(page):
    table = rows(ROOT / page)
    assert [int(row[0]) for row in table] == list(range(1, len(table) + 1))
    linked = set()
    for number, chapter, _, state in table:
        found = LINK.search(chapter)
        assert state == ("available" if found else "planned"), f"chapter {number}"
        if found:
            target = (ROOT / page).parent.joinpath(found[1])
            assert target.name.startswith(f"{int(number):02d}_")
            linked.add(target.resolve())
    assert linked == {path.resolve() for path in (ROOT / "notebooks").glob("unit*/[0-9][0-9]_*.ipynb")}


def test_both_pages_name_the_chapters_alike():
    def titles(page: str) -> list[str]:
        return [re.sub(r"\*\*|\[|\]\(.*\)", "", row[1]) for row in rows(ROOT / page)]

    assert titles("README.md") == titles("notebooks/README.md")


def test_licence_and_citation_say_the_same_as_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE").read_text("utf-8")
    assert citation["references"][0]["url"] == PROJECT["urls"]["Paper"]
