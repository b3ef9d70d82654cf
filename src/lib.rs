//! The linear memory of a WebAssembly engine.
