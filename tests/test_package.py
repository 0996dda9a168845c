"""What an installed package promises."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata, resources

import unscrawl


def test_version_is_that_of_the_distribution() -> None:
    assert unscrawl.__version__ == metadata.version("unscrawl")


def test_every_public_name_exists() -> None:
    assert [name for name in unscrawl.__all__ if not hasattr(unscrawl, name)] == []


def test_package_carries_types_weights_and_their_licences() -> None:
    package = resources.files("unscrawl")
    assert (package / "py.typed").is_file()
    assert (package / "weights" / "LICENCES.md").is_file()
    assert [entry for entry in (package / "weights").iterdir() if entry.name.endswith(".onnx")]


def test_all_weights_together_stay_small() -> None:
    weights = resources.files("unscrawl") / "weights"
    assert sum(len(entry.read_bytes()) for entry in weights.iterdir() if entry.is_file()) <= 12e6


def test_import_alone_loads_nothing_heavy() -> None:
    program = (
        "import sys, unscrawl; print({'numpy', 'PIL', 'cv2', 'onnxruntime', 'typer'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_teaching_and_the_web_page_do_without_the_workbench() -> None:
    program = (
        "import sys, unscrawl.teach, unscrawl.web.learning; "
        "print([name for name in sys.modules if name == 'torch' or name.startswith('unscrawl.learn')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_module_is_the_command() -> None:
    command = [sys.executable, "-m", "unscrawl", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == f"unscrawl {unscrawl.__version__}\n"


def test_command_is_installed() -> None:
    (command,) = metadata.entry_points(group="console_scripts", name="unscrawl")
    assert command.value == "unscrawl.cli:main"


def test_help_names_every_command() -> None:
    command = [sys.executable, "-m", "unscrawl", "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in ("read", "classify", "data", "train", "evaluate", "compare", "export"):
        assert f"\n  {name} " in ran.stdout
