"""The house is as pyproject.toml says: packages, links, module names, and what `import sysidc` leaves out."""

import ast
import operator
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import sysidc

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("dsl", "compiler", "runtime")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages_on_disk() -> list[str]:
    folders = [init.parent.relative_to(ROOT) for room in ROOMS for init in (ROOT / room).rglob("__init__.py")]
    return sorted(["sysidc", *(".".join(("sysidc", *folder.parts)) for folder in folders)])


def modules_on_disk() -> list[str]:
    files = [file.relative_to(ROOT).with_suffix("") for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    names = [".".join(("sysidc", *file.parts)).removesuffix(".__init__") for file in files]
    return sorted([*names, "sysidc.__main__"])


def python(code: str) -> str:
    """What a fresh interpreter prints that sees the package by its links alone."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    finished = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return finished.stdout


def test_the_package_list_is_the_folders_on_disk() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"] == packages_on_disk()


@pytest.mark.parametrize("room", ROOMS)
def test_every_folder_with_modules_is_a_package(room: str) -> None:
    folders = {file.parent for file in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_link_stands_for_each_room(room: str) -> None:
    link = ROOT / "src" / "sysidc" / room
    assert link.is_symlink()
    assert Path(os.readlink(link)) == Path("..", "..", room)
    assert PROJECT["tool"]["setuptools"]["package-dir"][f"sysidc.{room}"] == room


@pytest.mark.parametrize("name", modules_on_disk())
def test_every_module_imports(name: str) -> None:
    if name == "sysidc.runtime.sweep.on_ray":  # the one file that needs a package that is not installed for the tests
        pytest.importorskip("ray")
    assert import_module(name).__name__ == name


def test_importing_sysidc_leaves_the_heavy_packages_out() -> None:
    loaded = set(python("import sysidc, sys; print(*sys.modules)").split())
    assert loaded & {"torch", "lightning", "lark", "pydantic", "numpy", "rich", "pandas"} == set()


@pytest.mark.parametrize("name", sysidc.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(sysidc, name) is not None
    assert name in dir(sysidc)


def test_type_checkers_and_the_running_package_agree_on_where_names_live() -> None:
    tree = ast.parse((ROOT / "src" / "sysidc" / "__init__.py").read_text(encoding="utf-8"))
    homes = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sysidc.")
        for alias in node.names
    }
    assert homes == sysidc._HOMES
    assert sorted([*homes, "__version__"]) == sorted(sysidc.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Lstm'"):
        operator.attrgetter("Lstm")(sysidc)
