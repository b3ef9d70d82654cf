//! Where things are. Everything that is made goes under `target/` and `build/`.

use std::path::PathBuf;

/// The root of the checkout.
pub fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map(PathBuf::from).unwrap_or(xtask)
}

/// A directory or file below the root.
pub fn in_root(path: &str) -> PathBuf {
    root().join(path)
}

/// Scratch space of these commands.
pub fn scratch(path: &str) -> PathBuf {
    root().join("target/xtask").join(path)
}
