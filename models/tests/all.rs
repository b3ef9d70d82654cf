//! Every model holds, and none with a planted fault in it does.

use std::process::{Command, Output};

fn models(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_models"))
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

/// The models, each with its faults, as the program lists them.
fn listed() -> Vec<(String, Vec<String>)> {
    let mut list: Vec<(String, Vec<String>)> = Vec::new();
    for line in String::from_utf8(models(&[]).stdout).unwrap().lines() {
        match (line.strip_prefix("  "), list.last_mut()) {
            (Some(fault), Some((_, faults))) => faults.push(fault.to_owned()),
            _ => list.push((line.to_owned(), Vec::new())),
        }
    }
    list
}

#[test]
fn models_hold() {
    let list = listed();
    assert!(list.len() > 8, "{list:?}");
    for (model, _) in list {
        let output = models(&[&model]);
        let (told, why) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        print!("{told}");
        assert!(output.status.success(), "{model}: {why}");
    }
}

#[test]
fn planted_faults_are_found() {
    for (model, faults) in listed() {
        assert!(!faults.is_empty(), "{model} may hold whatever the library does");
        for fault in faults {
            let output = models(&[&model, &fault]);
            let why = String::from_utf8_lossy(&output.stderr);
            // 101 is a panic; 2 would be a line of the source that is not there any more.
            assert_eq!(output.status.code(), Some(101), "{model} with {fault}: {why}");
            println!("{model} with {fault}: found");
        }
    }
}
