"""Types: the package and what uses it, with `mypy --strict`."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import List

from conftest import LONG

import kiwi_cache

HERE = pathlib.Path(__file__).parent


def mypy(tmp_path: pathlib.Path, *files: str) -> List[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=5 * LONG)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def test_the_package_is_typed(tmp_path: pathlib.Path) -> None:
    package = pathlib.Path(kiwi_cache.__file__).parent
    assert (package / "py.typed").exists() and (package / "_native.pyi").exists()
    # SQLAlchemy 1.4 has no types, and kiwi-cache's services need it.
    assert mypy(tmp_path, "--disable-error-code", "import-untyped", "-p", "kiwi_cache") == []


def test_what_uses_it_is_checked(tmp_path: pathlib.Path) -> None:
    file = HERE / "typed.py"
    wrong = [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# error")]
    found = [line for line in mypy(tmp_path, str(file)) if ": error:" in line]
    assert sorted({int(line.split("typed.py:")[1].split(":")[0]) for line in found}) == wrong, "\n".join(found)
