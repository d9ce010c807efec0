"""The mapping of top-level folders onto `recog.*`, and which of them may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = {
    "dialects": {"dialects"},
    "backend": {"backend", "dialects"},
    "lowering": {"lowering", "backend", "dialects"},
    "frontend": {"frontend", "lowering", "backend", "dialects"},
    "tools": {"tools", "frontend", "lowering", "backend", "dialects"},
}
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported_modules(source: str) -> list[str]:
    modules = list[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            modules.append(node.module or "")
            if node.module == "recog":
                modules += [f"recog.{alias.name}" for alias in node.names]
    return modules


def wrong_imports(layer: str, source: str) -> list[str]:
    """Imports of a file in `layer` that bypass `recog.` or point the wrong way."""
    wrong = list[str]()
    for module in imported_modules(source):
        first, *rest = module.split(".")
        if first in LAYERS or first == "recog" and rest and rest[0] not in LAYERS[layer]:
            wrong.append(module)
    return wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path):
    layer = path.relative_to(ROOT).parts[0]
    assert wrong_imports(layer, path.read_text()) == []


def test_the_import_check_sees_violations():
    assert wrong_imports("dialects", "from recog.lowering.x import y") == ["recog.lowering.x"]
    assert wrong_imports("lowering", "def f():\n    import recog.tools.x") == ["recog.tools.x"]
    assert wrong_imports("backend", "from recog import frontend") == ["recog.frontend"]
    assert wrong_imports("tools", "import dialects.nn") == ["dialects.nn"]
    assert wrong_imports("tools", "import numpy\nfrom recog.dialects.nn import Nn") == []


def test_every_package_is_listed_and_typed():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in SOURCES}
    packages = {"recog." + ".".join(folder.parts): folder.as_posix() for folder in folders}
    packages["recog"] = packages.pop("recog.tools.package")
    listed = set(setuptools["packages"])
    assert packages.keys() - listed == set(), "not in the packages of pyproject.toml"
    assert listed - packages.keys() == set(), "listed, but without Python files"
    assert setuptools["package-dir"] == packages
    untyped = [str(folder) for folder in folders if not (ROOT / folder / "py.typed").exists()]
    assert untyped == []


def test_there_is_no_recog_folder():
    # In the root of a checkout it would shadow the installed package.
    assert not (ROOT / "recog").exists()


def test_constraints_satisfy_the_requirements():
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {
        name.lower(): version
        for name, _, version in (line.partition("==") for line in lines if "==" in line)
    }
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["torch"], *extras["tasks"], *extras["test"]]:
        requirement = Requirement(text)
        if requirement.name == "recog":
            assert requirement.extras <= extras.keys()
            continue
        assert requirement.name in pins, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(pins[requirement.name])


@pytest.mark.parametrize(
    "code",
    [
        "import recog.tools.opt.main",
        "from recog.tools.context import make_context\n"
        "for name in ('data', 'check', 'nn', 'cluster', 'lns', 'chip'):\n"
        "    make_context().load_registered_dialect(name)",
        "from recog.tools.universe import RECOG_UNIVERSE\n"
        "for name in ('fold-batch-norm', 'encode-lns', 'convert-lns-to-chip'):\n"
        "    RECOG_UNIVERSE.all_passes[name]()",
        "import recog.backend.targets",
    ],
    ids=["recog-opt", "dialects", "passes", "targets"],
)
def test_heavy_packages_are_imported_late(code: str):
    heavy = ("torch", "sklearn", "scipy", "rich", "numba")
    check = f"import sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{check}"], capture_output=True, text=True, check=False
    )
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
