//! Sequences of calls, made at random: what is called, on which handle, with numbers that lean
//! towards the edges of whatever the handle turns out to be.

use crate::rules::{PAGE, Wish, bytes};
use crate::spec::Memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    New,
    Grow,
    Buffer,
    ToResizable,
    ToFixed,
    Resize,
    BufferGrow,
    Transfer,
    BufferRetain,
    BufferDelete,
    Retain,
    Delete,
    Send,
    Match,
    GetType,
    UserData,
    Read,
    Write,
    Move,
    Fill,
    Copy,
    Init,
    Discard,
    Poke,
    Wait32,
    Wait64,
    Notify,
    Interrupt,
    AllocatorDelete,
    Message,
    ImageNew,
    ImageFromFile,
    Snapshot,
    ImageRetain,
    ImageDelete,
    ImageGetType,
    ImageWriteFile,
    Reset,
    Find,
    Trim,
    Configure,
}

/// How often each is called, out of the sum.
const WEIGHTS: [(Call, u8); 41] = [
    (Call::Grow, 14),
    (Call::Buffer, 8),
    (Call::ToResizable, 7),
    (Call::ToFixed, 5),
    (Call::Resize, 10),
    (Call::BufferGrow, 9),
    (Call::Transfer, 2),
    (Call::BufferRetain, 2),
    (Call::BufferDelete, 7),
    (Call::Retain, 2),
    (Call::Delete, 4),
    (Call::Send, 2),
    (Call::Match, 4),
    (Call::GetType, 1),
    (Call::UserData, 1),
    (Call::Read, 4),
    (Call::Write, 5),
    (Call::Move, 2),
    (Call::Fill, 6),
    (Call::Copy, 7),
    (Call::Init, 5),
    (Call::Discard, 5),
    (Call::Poke, 4),
    (Call::Wait32, 4),
    (Call::Wait64, 3),
    (Call::Notify, 4),
    (Call::Interrupt, 1),
    (Call::AllocatorDelete, 1),
    (Call::Message, 1),
    (Call::New, 6),
    (Call::ImageNew, 5),
    (Call::ImageFromFile, 1),
    (Call::Snapshot, 6),
    (Call::ImageRetain, 1),
    (Call::ImageDelete, 3),
    (Call::ImageGetType, 1),
    (Call::ImageWriteFile, 1),
    (Call::Reset, 8),
    (Call::Find, 2),
    (Call::Trim, 1),
    (Call::Configure, 1),
];

fn call(raw: u8) -> Call {
    let total: u8 = WEIGHTS.iter().map(|&(_, weight)| weight).sum();
    let mut left = raw % total;
    for (call, weight) in WEIGHTS {
        if left < weight {
            return call;
        }
        left -= weight;
    }
    Call::Grow
}

/// Where a number comes from; what it is depends on the memory that it is used on.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Zero,
    /// So many pages.
    Pages(u8),
    /// So many pages more than there are.
    Beyond(u8),
    /// Somewhere inside, in parts of 65536.
    Inside(u16),
    /// The current size.
    Length,
    /// What is left until the maximum.
    Room,
    Maximum,
    Reservation,
    SizeLimit,
    Power(u8),
}

#[derive(Clone, Copy, Debug)]
pub struct Number {
    anchor: Anchor,
    offset: i8,
}

/// The exponents at which some limit of the specification lies, or an integer type ends.
const POWERS: [u8; 12] = [2, 3, 12, 16, 18, 31, 32, 34, 37, 48, 53, 63];
/// Mostly none: one from an edge, or a step that keeps or breaks an alignment.
const OFFSETS: [i8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, -1, 1, -1, 1, -2, 4, 8, -8];

impl Number {
    fn new(raw: u32) -> Self {
        let fraction = (raw >> 16) as u16;
        let few = (fraction % 5) as u8;
        let anchor = match raw as u8 {
            0..30 => Anchor::Zero,
            30..75 => Anchor::Pages(few),
            75..100 => Anchor::Beyond(few),
            100..150 => Anchor::Inside(fraction),
            150..185 => Anchor::Length,
            185..197 => Anchor::Room,
            197..209 => Anchor::Maximum,
            209..221 => Anchor::Reservation,
            221..233 => Anchor::SizeLimit,
            233..=255 => Anchor::Power(POWERS[usize::from(fraction) % POWERS.len()]),
        };
        Self { anchor, offset: OFFSETS[(raw >> 8) as usize % OFFSETS.len()] }
    }

    fn offset(self, number: u64) -> u64 {
        number.wrapping_add_signed(i64::from(self.offset))
    }

    /// As a number of pages to grow by.
    pub fn delta(self, of: &Memory) -> u64 {
        let page = of.kind.page;
        self.offset(match self.anchor {
            Anchor::Zero => 0,
            Anchor::Pages(pages) | Anchor::Beyond(pages) => u64::from(pages),
            Anchor::Inside(part) => part_of(of.pages, part),
            Anchor::Length => of.pages,
            Anchor::Room => of.kind.maximum.unwrap_or(0).wrapping_sub(of.pages),
            Anchor::Maximum => of.kind.maximum.unwrap_or(of.kind.declared_limit()),
            Anchor::Reservation => (of.room.reservation / page).wrapping_sub(of.pages),
            Anchor::SizeLimit => (of.size_limit / page).wrapping_sub(of.pages),
            Anchor::Power(power) => 1 << power,
        })
    }

    /// As a byte index or a length in bytes.
    pub fn bytes(self, of: &Memory) -> u64 {
        let page = of.kind.page;
        let maximum = bytes(of.kind.maximum.unwrap_or(of.kind.declared_limit()), page);
        self.offset(match self.anchor {
            Anchor::Zero => 0,
            Anchor::Pages(pages) => bytes(u64::from(pages), page),
            Anchor::Beyond(pages) => of.length() + bytes(u64::from(pages), page),
            Anchor::Inside(part) => part_of(of.length(), part),
            Anchor::Length => of.length(),
            Anchor::Room => maximum - of.length(),
            Anchor::Maximum => maximum,
            Anchor::Reservation => of.room.reservation,
            Anchor::SizeLimit => of.size_limit,
            Anchor::Power(power) => 1 << power,
        })
    }

    /// As a number where there is no memory that it could lean on.
    pub fn count(self) -> u64 {
        self.offset(match self.anchor {
            Anchor::Zero => 0,
            Anchor::Pages(pages) | Anchor::Beyond(pages) => u64::from(pages),
            Anchor::Inside(part) => u64::from(part),
            Anchor::Length => PAGE,
            Anchor::Room => 1 << 18,
            Anchor::Maximum => (1 << 37) - 1,
            Anchor::Reservation => u64::from(u32::MAX),
            Anchor::SizeLimit => 16 << 30,
            Anchor::Power(power) => 1 << power,
        })
    }
}

fn part_of(whole: u64, part: u16) -> u64 {
    ((u128::from(whole) * u128::from(part)) >> 16) as u64
}

/// One call. `pick` chooses the handle, `seed` whatever else there is to choose.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub call: Call,
    pub pick: u8,
    pub numbers: [Number; 3],
    pub seed: u32,
}

/// An operation as bytes: call, handle, seed, and the numbers, little-endian.
pub type Encoded = [u8; 18];

impl Operation {
    /// Every sequence of bytes is an operation.
    pub fn decode(bytes: &Encoded) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let numbers = [word(6), word(10), word(14)].map(Number::new);
        Self { call: call(bytes[0]), pick: bytes[1], numbers, seed: word(2) }
    }

    /// A few bits of the seed, as a choice out of so many.
    pub fn choice(&self, shift: u32, out_of: u32) -> u32 {
        self.seed.rotate_right(shift) % out_of
    }

    /// A memory that can be made: small, so that its bytes can be compared whole, or without a
    /// maximum, so that its limits can be met.
    pub fn modest_wish(&self) -> Wish {
        const SIZES: [u64; 8] = [0, 1, 3, 4095, 4096, 4097, 65536, 70_000];
        let page_size = [0, 65536, 65536, 1][self.choice(0, 4) as usize];
        let shared = [0, 0, 1, 0x80][self.choice(3, 4) as usize];
        let extra = u64::from(self.choice(7, 5));
        let (initial, extra) = if page_size == 1 {
            (SIZES[self.choice(11, 8) as usize], SIZES[self.choice(15, 8) as usize])
        } else {
            (u64::from(self.choice(11, 5)), extra)
        };
        let bounded = shared != 0 || self.choice(19, 4) != 0;
        let maximum = match self.choice(21, 8) {
            0 => self.numbers[1].count().max(initial),
            _ => initial + extra,
        };
        Wish {
            initial: (initial, 1),
            maximum: (maximum, u8::from(bounded)),
            shared,
            address: self.choice(27, 2),
            page_size,
            reserved: [0; 2],
        }
    }

    /// Any descriptor at all, with something wrong in it more often than not.
    pub fn any_wish(&self) -> Wish {
        let presence = |shift| [1, 1, 1, 1, 1, 7, 0, 0][self.choice(shift, 8) as usize];
        let pick = |shift, from: &[u32]| from[self.choice(shift, from.len() as u32) as usize];
        let reserved = match self.choice(23, 24) {
            0 => [1, 0],
            1 => [0, u64::MAX],
            2 => [3, 4],
            _ => [0; 2],
        };
        Wish {
            initial: (self.numbers[0].count(), presence(1)),
            maximum: (self.numbers[1].count(), presence(5)),
            shared: pick(9, &[0, 0, 0, 1, 2, 255]) as u8,
            address: pick(13, &[0, 0, 0, 0, 1, 1, 1, 1, 2, u32::MAX]),
            page_size: pick(17, &[0, 65536, 65536, 1, 1, 1, 2, 32768, 131_072, u32::MAX]),
            reserved,
        }
    }

    /// What an import asks for: about what the memory is, with a field or two changed.
    pub fn import(&self, of: &Memory) -> Wish {
        let mut import = Wish {
            initial: (part_of(of.pages, (self.seed >> 16) as u16), 1),
            maximum: (of.kind.maximum.unwrap_or(0), u8::from(of.kind.maximum.is_some())),
            shared: u8::from(of.kind.shared),
            address: u32::from(of.kind.wide),
            page_size: of.kind.page as u32,
            reserved: [0; 2],
        };
        match self.choice(0, 12) {
            0 => import.initial = (self.numbers[0].delta(of), 1),
            1 => import.maximum = (self.numbers[1].delta(of), 1),
            2 => import.maximum.1 ^= 1,
            3 => import.initial = (u64::MAX, 0),
            4 => import.shared ^= 1,
            5 => import.shared *= 0x40,
            6 => import.address ^= 1,
            7 => import.page_size ^= 65537,
            8 => import = self.any_wish(),
            9 => import.initial = (of.pages + 1, 2),
            10 => import.initial = (of.pages, 1),
            _ => (),
        }
        import
    }
}
