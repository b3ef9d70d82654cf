//! The CMake build, by the presets of `CMakePresets.json`, in `build/<preset>`.

use crate::process::{command, quiet, shown};
use anyhow::Result;
use std::path::Path;

/// Configures a preset. Always with the examples: they need no more than the library.
pub fn configure(preset: &str) -> Result<()> {
    let arguments = ["--preset", preset, "-D", "WASM_MEMORY_BUILD_EXAMPLES=ON"];
    quiet(&mut command("cmake", arguments))?;
    Ok(())
}

/// Builds one target of a configured preset, or all.
pub fn build(preset: &str, target: Option<&str>) -> Result<()> {
    let mut build = command("cmake", ["--build", "--preset", preset]);
    if let Some(target) = target {
        build.args(["--target", target]);
    }
    quiet(&mut build)?;
    Ok(())
}

/// Runs the tests of a preset that was built.
pub fn test(preset: &str) -> Result<()> {
    shown(&mut command("ctest", ["--preset", preset]))
}

/// Configures and builds another project in `build`.
pub fn project(source: &Path, build: &Path, arguments: &[&str]) -> Result<()> {
    project_with(source, build, arguments, &[])
}

/// The same, with variables in its environment.
pub fn project_with(
    source: &Path,
    build: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<()> {
    let mut configure = command("cmake", ["-S"]);
    configure.arg(source).arg("-B").arg(build).args(arguments);
    quiet(configure.envs(environment.iter().copied()))?;
    let mut build_all = command("cmake", ["--build"]);
    build_all.arg(build).args(["--parallel", "2"]);
    quiet(build_all.envs(environment.iter().copied()))?;
    Ok(())
}
