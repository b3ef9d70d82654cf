//! The library's concurrent parts under a model checker: `models NAME` runs one model, and
//! `models NAME FAULT` the same with a planted fault, which the checker must find.
//!
//! The sources are the library's own. Only what they get from `crate::sync` is another: every load,
//! store and lock is a step at which the checker tries what the other threads may do meanwhile, and
//! what a weakly ordered load may still see. One model a process: the library has statics, which are
//! put back to what they were before each execution.

// The library's own unit tests are not built over the checker.
#![cfg(not(test))]
#![allow(unused_imports, reason = "a model uses a part of the library only")]

mod faults;
mod models;
mod sync;

#[path = "../../src"]
mod library {
    pub(crate) mod allocator;
    pub(crate) mod atomics;
    pub(crate) mod buffer;
    pub(crate) mod bulk;
    pub(crate) mod descriptor;
    pub(crate) mod error;
    pub(crate) mod find;
    pub(crate) mod image;
    pub(crate) mod memory;
    pub(crate) mod region;
    pub(crate) mod units;
    pub(crate) mod view;
    pub(crate) mod wide;
}

pub(crate) use library::{
    allocator, atomics, buffer, bulk, descriptor, error, find, image, memory, region, units, view,
    wide,
};

pub use allocator::{Allocator, Bounds, Config, Statistics};
pub use buffer::Buffer;
pub use descriptor::{AddressType, Descriptor, MemoryType};
pub use error::{Class, Error, Figures, Result};
pub use memory::{Layout, Memory};
pub use region::slab::Ref;
pub use view::View;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map(String::as_str);
    let Some(model) = models::ALL.iter().find(|model| Some(model.name) == name) else {
        for model in models::ALL {
            println!("{}", model.name);
            for planted in model.faults {
                println!("  {}", planted.name);
            }
        }
        return ExitCode::from(2);
    };
    if let Some(wanted) = arguments.get(1) {
        let Some(planted) = model.faults.iter().find(|planted| planted.name == wanted) else {
            return ExitCode::from(2);
        };
        sync::plant(planted);
    }
    let more = std::env::var("WASM_MEMORY_MODEL_MORE_PREEMPTIONS").ok();
    let more: usize = more.and_then(|more| more.parse().ok()).unwrap_or(0);
    let executions = sync::check(model.run, model.preemptions + more);
    println!("{}: {executions} executions", model.name);
    ExitCode::SUCCESS
}
