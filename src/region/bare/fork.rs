//! Nothing forks.

/// While it lives, nobody forks.
#[derive(Debug)]
pub(crate) struct Unforked(());

pub(crate) const fn hold_off() -> Unforked {
    Unforked(())
}
