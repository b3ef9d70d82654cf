//! One target for the fuzzer and for the replay of its corpus: bytes are a sequence of calls.

use crate::call;
use crate::fault::Fault;
use crate::operation::{Encoded, Operation};
use crate::probe::{self, Host};
use crate::world::World;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use wasm_memory::capi::allocator::wasm_memory_allocator_trim;

/// One sequence at a time in this process: what the model knows of dead handles rests on how many
/// creations there were since, and what it knows of the default allocator on nobody else's using it.
static TURN: Mutex<()> = Mutex::new(());

/// The most calls of a sequence.
pub const LENGTH: usize = 40;

/// The calls that bytes stand for. What is left over is not looked at.
pub fn decode(bytes: &[u8]) -> Vec<Operation> {
    let records = bytes.chunks_exact(size_of::<Encoded>()).take(LENGTH);
    records.filter_map(|record| Some(Operation::decode(record.try_into().ok()?))).collect()
}

/// Runs one sequence in a world of its own, which `look` sees at its end. What differs is told with
/// the calls that led there.
pub fn compare(
    sequence: &[Operation],
    fault: Option<Fault>,
    look: impl FnOnce(&World),
) -> Result<(), String> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    in_turn(sequence, fault, look)
}

fn in_turn(
    sequence: &[Operation],
    fault: Option<Fault>,
    look: impl FnOnce(&World),
) -> Result<(), String> {
    let mut world = World::new(fault);
    let compared = world.run(sequence);
    look(&world);
    compared.map_err(|differs| {
        let operations = &sequence[..sequence.len().min(world.steps as usize)];
        let calls = world.trace.join("\n  ");
        let made: Vec<String> = operations.iter().map(|made| format!("{made:?}")).collect();
        format!("{differs}\nafter\n  {calls}\nfrom\n  {}", made.join("\n  "))
    })
}

/// Runs the calls that bytes stand for. Nothing may differ from the model, and nothing may be left
/// behind on the host.
pub fn run(bytes: &[u8], fault: Option<Fault>) -> Result<(), String> {
    let sequence = decode(bytes);
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // What is made once stays; what is left behind a second time, and a third, is lost.
    let mut left = [Host::default(); 3];
    for left in &mut left {
        let before = host();
        in_turn(&sequence, fault, |_| ())?;
        *left = host().since(before);
        if *left == Host::default() {
            return Ok(());
        }
    }
    Err(format!("left behind, each time: {left:?}"))
}

/// What the process has of the host when the library keeps nothing for later.
fn host() -> Host {
    probe::usable(ptr::null_mut());
    call!(wasm_memory_allocator_trim(ptr::null_mut()));
    Host::now()
}
