"""The package as a whole: what an import costs, what is public, and that its modules rest on each other one way."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import semantic_svd

PACKAGE = Path(semantic_svd.__file__).parent
# The house, from the ground up. A module imports from those before it, and from no other.
HOUSE = """
    errors drafts names top products items images
    plasticity feedback network rules rates
    matrices distances modes streaming alignment intervals dendrograms paths tables stages illusory theory similarity
    tasks snapshots store runs classes team records training lessons sweeps predictions readouts angles comparisons
    new_information estimators activations
    plots explorer report cli __main__
"""
ORDER = HOUSE.split()
INSIDE = {  # the same for the modules that are folders; last comes what the folder shows
    "dendrograms": "order trees differentiation",
    "theory": "given curves flows fits",
    "similarity": "sides dissimilarities kernels canonical procrustes item_sides measures",
    "plots": "style curves departures equations pictures ranges trees paths verdicts similarities meetings timing "
    "illusions dynamics studies",
    "report": "standard captions claims measures hidden scripts courses sheets published",
    "activations": "shown recorded recorder",
    "images": "official pictures files downloads",
    "sweeps": "grid workers tables",
    "store": "files reading writing",
    "explorer": "pack layers page",
    "cli": "terminal files options subject tables pictures readout train explore sweep reference reproduce compare "
    "commands",
}
HEAVY = {
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "zarr",
    "dask",
    "sklearn",
    "matplotlib",
    "seaborn",
    "torch",
    "pooch",
}


def modules_after(code):
    """Run Python code in a fresh process and return the names of the modules that it left imported."""
    code += "\nimport sys\nprint(*sys.modules, file=sys.__stderr__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def imports_of(file):
    """Return the full names of what a file imports anywhere in it, in functions as well, each in its parts."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}, line {node.lineno}: imports are written in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return [tuple(name.split(".")) for name in names]


def modules_of(file):
    """Return the modules of the package that a file imports, each in its parts."""
    return {
        name[1:]
        for name in imports_of(file)
        if name[0] == "semantic_svd" and name[1:2] and name[1] in places()
    }


def places():
    """Return the name of each module of the package, folders as one."""
    return {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }


def files():
    return sorted(file for file in PACKAGE.rglob("*.py") if "_top" not in file.parts)


# ---------------------------------------------------------------------------------------------------------- the house


def test_every_module_has_its_place_in_the_house():
    assert places() - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_arrows_point_down(file):
    inside = file.relative_to(PACKAGE).parts
    if inside == ("__init__.py",):
        assert modules_of(file) == set()
        return
    place = inside[0].removesuffix(".py")
    above = ORDER[ORDER.index(place) + 1 :]
    assert [module for module, *_ in modules_of(file) if module in above] == []
    if place in INSIDE and len(inside) > 1:
        order = [*INSIDE[place].split(), "__init__"]
        above = order[order.index(file.stem) :]
        assert [
            module for folder, *module in modules_of(file) if folder == place and module[0] in above
        ] == []


def test_what_knows_the_rules_knows_no_files():
    for name in ("rules", "modes", "plasticity", "network", "feedback"):
        assert not {"store", "runs", "items", "top"} & {
            module for module, *_ in modules_of(PACKAGE / f"{name}.py")
        }


def test_only_what_draws_imports_matplotlib():
    for file in files():
        inside = str(file.relative_to(PACKAGE))
        roots = {root for root, *_ in imports_of(file)}
        assert not {"matplotlib", "seaborn"} & roots or inside.startswith(("plots", "cli/pictures")), inside


# ------------------------------------------------------------------------------------------------------------ imports


def test_importing_the_package_imports_nothing_heavy():
    assert modules_after("import semantic_svd") & {*HEAVY, "typer", "rich"} == set()


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["train", "--help"], ["reproduce", "--help"], ["foo"]]
)
def test_help_imports_nothing_heavy(words):
    assert modules_after(f"from semantic_svd.cli import main\nmain({words})") & HEAVY == set()


def test_training_and_analysis_draw_nothing():
    code = (
        "from semantic_svd import train, Run, load_items\nimport semantic_svd.modes, semantic_svd.dendrograms"
    )
    assert modules_after(code) & {"matplotlib", "seaborn", "sklearn", "torch"} == set()


@pytest.mark.parametrize("name", semantic_svd.__all__)
def test_public_names_are_there_when_first_used(name):
    assert getattr(semantic_svd, name).__doc__
    assert name in dir(semantic_svd)


def test_no_public_name_is_that_of_its_module():
    assert set(semantic_svd.__all__) & places() == set()


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'semantic_svd' has no attribute 'nonsense'$"):
        _ = semantic_svd.nonsense


# ---------------------------------------------------------------------------------------------------- as installed


def test_the_version_is_said_once():
    assert version("semantic-svd") == semantic_svd.__version__
    pyproject = PACKAGE.parent / "pyproject.toml"
    if pyproject.exists():
        assert tomllib.loads(pyproject.read_text())["project"]["version"] == semantic_svd.__version__


def test_the_command_is_an_entry_point():
    (command,) = entry_points(group="console_scripts", name="semantic-svd")
    assert command.value == "semantic_svd.cli:main"


def test_every_package_that_is_imported_is_a_dependency():
    pyproject = PACKAGE.parent / "pyproject.toml"
    if not pyproject.exists():
        pytest.skip("needs a checkout")
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *extras["cluster"], *extras["torch"]]
    known = {name.split("[")[0].split(">")[0].replace("-", "_") for name in named}
    known |= {"sklearn", "semantic_svd", *sys.stdlib_module_names}
    for file in files():
        assert {root for root, *_ in imports_of(file)} <= known, file.name


def test_types_are_announced():
    assert (PACKAGE / "py.typed").exists()
