//! The Python package, as pip installs it: `bindings/python`, `examples/readme/mdn.py`.

use crate::process::{command, quiet, shown};
use crate::steps::Outcome;
use crate::{docs, paths, venv};
use anyhow::{Result, ensure};

const PACKAGE: &str = "./bindings/python";
const README: &str = "examples/readme/mdn.py";
const MDN: &str = "bindings/python/examples/mdn.py";

/// Installs the package into `target/venv`, runs its tests, doctests and examples.
pub fn package() -> Result<Outcome> {
    venv::provide(&["wasmtime"])?;
    if pip(&["-r", "bindings/python/tests/requirements.txt"]).is_err() {
        return Ok(Outcome::NotHere("PyPI did not give NumPy, pytest and wasmtime".to_owned()));
    }
    // Of what is installed, nothing may come from the directory of the sources.
    pip(&[PACKAGE])?;

    let tests = ["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "--doctest-modules"];
    let mut tests = command(venv::python(), tests);
    tests.args(["--doctest-glob=README.md", "bindings/python/tests", "bindings/python/README.md"]);
    tests.args(["--pyargs", "wasm_memory"]);
    shown(tests.env("PYTHONDONTWRITEBYTECODE", "1"))?;

    let readme = quiet(&mut command(venv::python(), [README]))?;
    let expected = "10 -> 11 pages, first bytes 00 00 00 00 01 00 00 00\n\
                    45 655360 720896\n\
                    MAXIMUM_EXCEEDED 1011 100\n";
    ensure!(readme == expected, "{README} printed\n{readme}");
    let mdn = quiet(&mut command(venv::python(), [MDN]))?;
    let expected = "sum 45\ngrown from 10 to 11 pages\nsum 45\n\
                    memories of this library: 1 with 720896 bytes\n";
    ensure!(mdn == expected, "{MDN} printed\n{mdn}");
    docs::programs::python()?;
    Ok(Outcome::Done)
}

fn pip(arguments: &[&str]) -> Result<()> {
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut install = command(venv::python(), install);
    quiet(install.args(arguments).current_dir(paths::root()))?;
    Ok(())
}
