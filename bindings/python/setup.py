"""Builds the Rust library and a little C into the package."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NATIVE = "libwasm_memory_python.so"


def build_library() -> Path:
    """The shared library, as cargo names it. One crate type, or link-time optimisation is lost."""
    if not (ROOT / "include" / "wasm_memory.h").is_file():
        raise SetupError("wasm-memory is built inside its repository: pip install ./bindings/python")
    environment = dict(os.environ)
    environment.pop("WASM_MEMORY_PREFIX", None)  # the bindings call the plain names
    command = ["cargo", "rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib"]
    command += ["--message-format=json-render-diagnostics"]
    try:
        built = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    except FileNotFoundError as error:
        raise SetupError("building wasm-memory needs cargo (Rust 1.85 or later)") from error
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "wasm_memory":
            for name in message["filenames"]:
                if name.endswith((".so", ".dylib")):
                    return Path(name)
    raise SetupError("cargo built no shared library")


def build_native(directory: Path) -> None:
    """native.c, which says why it is C."""
    compiler = shlex.split(os.environ.get("CC", "cc"))  # Rust links with it too
    origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
    command = compiler + ["-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += ["-I", str(ROOT / "include"), str(HERE / "native.c")]
    command += ["-o", str(directory / NATIVE), "-L", str(directory), "-lwasm_memory"]
    command += [f"-Wl,-rpath,{origin}"]
    subprocess.run(command, check=True)


class BuildLibrary(build_py):
    """The Python files, then what is compiled."""

    def run(self) -> None:
        if not self.editable_mode:
            # What an earlier build left there would come along.
            shutil.rmtree(Path(self.build_lib) / "wasm_memory", ignore_errors=True)
        super().run()
        base = HERE if self.editable_mode else Path(self.build_lib)
        directory = base / "wasm_memory"
        directory.mkdir(parents=True, exist_ok=True)
        library = build_library()
        soname = directory / ("libwasm_memory" + library.suffix)
        shutil.copyfile(library, soname)
        build_native(directory)


class Wheel(bdist_wheel):
    """py3-none-<platform>: compiled code, but none that knows a Python version."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class Binary(Distribution):
    """Compiled without an extension module."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    cmdclass={"build_py": BuildLibrary, "bdist_wheel": Wheel},
    distclass=Binary,
    options={"build": {"build_base": str(ROOT / "target" / "python")}},
)
