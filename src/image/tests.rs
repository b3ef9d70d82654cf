//! Images with zeros in them: what they hold, and what they take of the host's memory.

use super::Image;
use crate::Config;
use crate::capi::heap::WASM_MEMORY_BACKEND_HEAP;
use crate::descriptor::Descriptor;
use crate::faults::{self, Call, Fault};
use crate::memory::Memory;
use crate::region::slab::Ref;
use crate::region::{page_size, pages_are_told};
use crate::test_support::{bytes, in_child};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

const PAGE: usize = 65536;
const PAGES: usize = 512;

/// What the host keeps of an image, in bytes.
fn taken(image: &Image) -> u64 {
    let file = image.frozen().and_then(|frozen| frozen.file());
    let copy = file.expect("a file in memory").as_fd().try_clone_to_owned().unwrap();
    File::from(copy).metadata().unwrap().blocks() * 512
}

/// Where the first memory has bytes, and where the second one has others.
const FIRST: [usize; 4] = [0, PAGE * 7 + 100, PAGE * 7 + 9000, PAGE * PAGES - 1];
const SECOND: [usize; 3] = [PAGE * 3, PAGE * 7 + 8192, PAGE * 100];

/// A snapshot of which little is not zero, and a memory from it in which less is as it was.
fn sparse() -> (Ref<Image>, Ref<Memory>, Vec<u8>) {
    let descriptor = Descriptor { initial: Some(PAGES as u64), ..Descriptor::default() };
    let first = Memory::new(&descriptor).unwrap();
    for at in FIRST {
        bytes(&first)[at] = 1;
    }
    let image = Image::snapshot(&first).unwrap();
    let allocator = Config::new().unwrap().allocator().unwrap();
    let second = Memory::new_from(&allocator, &descriptor, &image).unwrap();
    let mut expected = vec![0; PAGE * PAGES];
    for at in FIRST {
        expected[at] = 1;
    }
    for (at, value) in SECOND.map(|at| (at, 2)).into_iter().chain([(FIRST[0], 0)]) {
        bytes(&second)[at] = value;
        expected[at] = value;
    }
    (image, second, expected)
}

#[test]
fn a_snapshot_of_what_began_as_one_holds_both() {
    for call in [None, Some(Call::Seek), Some(Call::Scan), Some(Call::MemoryFile)] {
        for nth in [1, 2, 3] {
            let fault = Fault {
                call,
                forever: true,
                ..Fault::nth(if call.is_some() { nth } else { u32::MAX })
            };
            let (image, memory, expected) = sparse();
            let snapshot = faults::with(fault, || Image::snapshot(&memory).unwrap());
            drop((image, memory));
            assert!(snapshot.frozen().unwrap().bytes() == expected, "{call:?} {nth}");
        }
    }
}

#[test]
fn reading_an_image_takes_no_memory_for_its_zeros() {
    // Alone in its process: in this one a refused look at pages may have been the last.
    in_child(|| {
        let (image, memory, expected) = sparse();
        if !pages_are_told() {
            return;
        }
        // What was written to was taken of the image first.
        let most = (FIRST.len() + SECOND.len()) as u64 * page_size() as u64;
        let before = taken(&image);
        assert!(before <= most, "{before}");
        let snapshot = Image::snapshot(&memory).unwrap();
        assert_eq!(taken(&image), before);
        assert!(taken(&snapshot) <= most, "{}", taken(&snapshot));

        let path = std::env::temp_dir().join(format!("wasm_memory-{}.image", std::process::id()));
        let name = CString::new(path.to_str().unwrap()).unwrap();
        snapshot.write_file(&name).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(written == expected);
        assert!(taken(&snapshot) <= most, "{}", taken(&snapshot));
    });
}

#[test]
fn where_an_image_cannot_be_mapped_its_zeros_are_not_read() {
    let (image, _, _) = sparse();
    let before = taken(&image);
    let descriptor = Descriptor { initial: Some(PAGES as u64), ..Descriptor::default() };
    let config = Config::new().unwrap();
    config.set_backend(WASM_MEMORY_BACKEND_HEAP);
    let on_heap = config.allocator().unwrap();
    let memory = Memory::new_from(&on_heap, &descriptor, &image).unwrap();
    for (at, byte) in bytes(&memory).iter().enumerate() {
        assert_eq!(*byte, u8::from(FIRST.contains(&at)), "{at}");
    }
    assert_eq!(taken(&image), before);
}
