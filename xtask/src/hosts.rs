//! `cargo xtask hosts`: the library on machines that are not this one, as far as this one can tell.
//!
//! Each host is compiled and linted. Where this machine has what runs its programs (the processor
//! itself, an emulator, Wine), the Rust tests and the C and C++ tests run too.

use crate::process::{command, find_program, quiet, shown};
use crate::steps::{Outcome, Steps};
use crate::{cargo, cmake, paths, rustup, tools};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How programs of a host run here.
#[derive(Clone, Copy)]
enum Runs {
    /// They do not: it is only compiled.
    Not,
    /// By themselves.
    Natively,
    /// By the processor, with a loader and libraries of their own: in a directory, of that name.
    WithLoader(&'static str),
    /// In an emulator of the processor: its program.
    Emulated(&'static str),
    /// In Wine.
    InWine,
}

/// A host other than this one.
struct Host {
    /// The Rust target.
    target: &'static str,
    /// What its C compilers and libraries are called by, where there are any.
    gnu: Option<&'static str>,
    /// What CMake calls the system and the processor.
    system: [&'static str; 2],
    runs: Runs,
    /// The Debian packages that running it takes.
    packages: &'static str,
}

const fn compiled(target: &'static str) -> Host {
    Host { target, gnu: None, system: ["", ""], runs: Runs::Not, packages: "" }
}

const HOSTS: [Host; 13] = [
    Host {
        target: "x86_64-pc-windows-gnu",
        gnu: Some("x86_64-w64-mingw32"),
        system: ["Windows", "AMD64"],
        runs: Runs::InWine,
        packages: "g++-mingw-w64-x86-64-posix wine64",
    },
    Host {
        target: "i686-unknown-linux-gnu",
        gnu: Some("i686-linux-gnu"),
        system: ["Linux", "i686"],
        runs: Runs::WithLoader("ld-linux.so.2"),
        packages: "g++-i686-linux-gnu",
    },
    Host {
        target: "x86_64-unknown-linux-musl",
        gnu: None,
        system: ["Linux", "x86_64"],
        runs: Runs::Natively,
        packages: "",
    },
    Host {
        target: "s390x-unknown-linux-gnu",
        gnu: Some("s390x-linux-gnu"),
        system: ["Linux", "s390x"],
        runs: Runs::Emulated("qemu-s390x-static"),
        packages: "g++-s390x-linux-gnu qemu-user-static",
    },
    Host {
        target: "aarch64-unknown-linux-gnu",
        gnu: Some("aarch64-linux-gnu"),
        system: ["Linux", "aarch64"],
        runs: Runs::Emulated("qemu-aarch64-static"),
        packages: "g++-aarch64-linux-gnu qemu-user-static",
    },
    Host {
        target: "armv7-unknown-linux-gnueabihf",
        gnu: Some("arm-linux-gnueabihf"),
        system: ["Linux", "armv7l"],
        runs: Runs::Emulated("qemu-arm-static"),
        packages: "g++-arm-linux-gnueabihf qemu-user-static",
    },
    Host {
        target: "powerpc64le-unknown-linux-gnu",
        gnu: Some("powerpc64le-linux-gnu"),
        system: ["Linux", "ppc64le"],
        runs: Runs::Emulated("qemu-ppc64le-static"),
        packages: "g++-powerpc64le-linux-gnu qemu-user-static",
    },
    Host {
        target: "riscv64gc-unknown-linux-gnu",
        gnu: Some("riscv64-linux-gnu"),
        system: ["Linux", "riscv64"],
        runs: Runs::Emulated("qemu-riscv64-static"),
        packages: "g++-riscv64-linux-gnu qemu-user-static",
    },
    compiled("aarch64-apple-darwin"),
    compiled("x86_64-pc-windows-msvc"),
    compiled("x86_64-unknown-freebsd"),
    compiled("x86_64-unknown-netbsd"),
    compiled("aarch64-linux-android"),
];

/// Those that `cargo xtask test` compiles: another system each, short addresses, other byte order.
const IN_EVERY_RUN: [&str; 4] = [
    "x86_64-pc-windows-gnu",
    "aarch64-apple-darwin",
    "i686-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

/// All hosts, or those that are named: by a part of the target, such as `windows`.
pub fn run(options: &[String]) -> Result<()> {
    if let Some(unknown) = options
        .iter()
        .find(|option| !HOSTS.iter().any(|host| host.target.contains(option.as_str())))
    {
        bail!("no host `{unknown}`; there are {}", HOSTS.map(|host| host.target).join(", "));
    }
    let mut steps = Steps::new();
    steps.run("tools", tools::require)?;
    let is_wanted = |host: &&Host| {
        options.is_empty() || options.iter().any(|option| host.target.contains(option.as_str()))
    };
    for host in HOSTS.iter().filter(is_wanted) {
        let target = host.target;
        steps.run_if_possible(&format!("{target}: clippy"), || host.lint())?;
        if matches!(host.runs, Runs::Not) {
            continue;
        }
        steps.run_if_possible(&format!("{target}: Rust tests"), || host.rust_tests())?;
        if host.gnu.is_some() {
            steps.run_if_possible(&format!("{target}: C and C++ tests"), || host.c_tests())?;
        }
    }
    steps.finish();
    Ok(())
}

/// The library compiles for hosts that differ from this one in kind.
pub fn compile() -> Result<Outcome> {
    for target in IN_EVERY_RUN {
        if let Err(reason) = rustup::add_target(target) {
            return Ok(Outcome::NotHere(reason));
        }
    }
    for target in IN_EVERY_RUN {
        let mut check = cargo::cargo(["check", "--locked", "--lib", "--target", target]);
        quiet(check.arg("--target-dir").arg(paths::scratch("hosts")))?;
    }
    Ok(Outcome::Done)
}

impl Host {
    fn lint(&self) -> Result<Outcome> {
        if let Err(reason) = rustup::add_target(self.target) {
            return Ok(Outcome::NotHere(reason));
        }
        let mut clippy = cargo::cargo(["clippy", "--locked", "--package", "wasm_memory", "--lib"]);
        clippy
            .args(["--tests", "--target", self.target])
            .arg("--target-dir")
            .arg(target_directory());
        quiet(clippy.args(["--", "--deny", "warnings"]))?;
        Ok(Outcome::Done)
    }

    /// What runs a program of this host: words that go before its name. Else what is missing.
    fn runner(&self) -> Result<Vec<String>, String> {
        let missing = |what: &str| {
            let packages = self.packages;
            format!("no {what}; on Debian: apt-get install {packages}")
        };
        let libraries = format!("/usr/{}", self.gnu.unwrap_or(""));
        let directory = |path: &str| match Path::new(path).is_dir() {
            true => Ok(path.to_owned()),
            false => Err(missing(path)),
        };
        match self.runs {
            Runs::Not => Err(String::from("it is only compiled")),
            Runs::Natively => Ok(Vec::new()),
            Runs::WithLoader(loader) => {
                let libraries = directory(&format!("{libraries}/lib"))?;
                let loader = format!("{libraries}/{loader}");
                if !Path::new(&loader).is_file() {
                    return Err(missing(&loader));
                }
                Ok(vec![loader, String::from("--library-path"), libraries])
            }
            Runs::Emulated(emulator) => {
                let program = find_program(emulator).ok_or_else(|| missing(emulator))?;
                let libraries = directory(&libraries)?;
                Ok(vec![program.display().to_string(), String::from("-L"), libraries])
            }
            Runs::InWine => {
                // Debian's `wine` asks for the 32-bit one too; this is the program behind it.
                let places = ["/usr/lib/wine/wine64", "/usr/bin/wine64"].map(PathBuf::from);
                let wine = places.into_iter().find(|place| place.is_file());
                let wine = wine.or_else(|| find_program("wine64")).ok_or_else(|| missing("wine64"));
                Ok(vec![wine?.display().to_string()])
            }
        }
    }

    /// A compiler of this host: `gcc` or `g++`.
    fn compiler(&self, name: &str) -> Result<Option<String>, String> {
        let Some(gnu) = self.gnu else { return Ok(None) };
        let compiler = format!("{gnu}-{name}");
        // The compiler with threads of C++, where Debian has two.
        let compiler = match self.runs {
            Runs::InWine => format!("{compiler}-posix"),
            _ => compiler,
        };
        match find_program(&compiler) {
            Some(_) => Ok(Some(compiler)),
            None => Err(format!("no {compiler}; on Debian: apt-get install {}", self.packages)),
        }
    }

    /// What is slow, or counts what an emulator has too, is done less.
    fn environment(&self, command: &mut Command) {
        if matches!(self.runs, Runs::Emulated(_) | Runs::InWine) {
            command.env("WASM_MEMORY_TEST_SKIP_HOST_LIMITS", "1").env("PROPTEST_CASES", "8");
        }
        if matches!(self.runs, Runs::InWine) {
            command.env("WINEPREFIX", paths::scratch("wine")).env("WINEDEBUG", "-all");
        }
    }

    fn rust_tests(&self) -> Result<Outcome> {
        let (runner, linker) = match (self.runner(), self.compiler("gcc")) {
            (Ok(runner), Ok(linker)) => (runner, linker),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Outcome::NotHere(reason)),
        };
        let variable = self.target.replace('-', "_").to_uppercase();
        let mut test = cargo::cargo(["test", "--locked", "--package", "wasm_memory", "--lib"]);
        // The model checker's test starts itself anew, which an emulator does not hand on.
        test.args(["--test", "model", "--target", self.target]);
        test.arg("--target-dir").arg(target_directory());
        test.env(format!("CARGO_TARGET_{variable}_RUNNER"), runner.join(" "));
        if let Some(linker) = linker {
            test.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
        }
        // An emulator is slow enough.
        test.env("CARGO_PROFILE_TEST_OPT_LEVEL", "1").env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
        self.environment(&mut test);
        if matches!(self.runs, Runs::InWine) {
            let built = target_directory().join(self.target).join("debug/deps");
            self.provide_random_numbers(&built)?;
        }
        shown(&mut test)?;
        Ok(Outcome::Done)
    }

    /// Rust's standard library takes random numbers from a DLL that older Wines do not have. This one
    /// asks the function that it forwards to.
    fn provide_random_numbers(&self, directory: &Path) -> Result<()> {
        const SOURCE: &str = "\
__declspec(dllimport) unsigned char SystemFunction036(void *to, unsigned long length);
__declspec(dllexport) int ProcessPrng(unsigned char *to, unsigned long long length) {
  return SystemFunction036(to, (unsigned long)length);
}
";
        fs::create_dir_all(directory)?;
        let source = paths::scratch("bcryptprimitives.c");
        fs::write(&source, SOURCE).with_context(|| format!("cannot write {}", source.display()))?;
        let compiler = self.compiler("gcc").unwrap_or_default().context("no compiler")?;
        let mut compile = command(compiler, ["-shared", "-o"]);
        compile.arg(directory.join("bcryptprimitives.dll")).arg(&source).arg("-ladvapi32");
        quiet(&mut compile)?;
        Ok(())
    }

    fn c_tests(&self) -> Result<Outcome> {
        let found = (self.runner(), self.compiler("gcc"), self.compiler("g++"));
        let (runner, c, cxx) = match found {
            (Ok(runner), Ok(Some(c)), Ok(Some(cxx))) => (runner, c, cxx),
            (Err(reason), ..) | (_, Err(reason), _) | (.., Err(reason)) => {
                return Ok(Outcome::NotHere(reason));
            }
            _ => return Ok(Outcome::NotHere(String::from("no C compiler is known for it"))),
        };
        let build = paths::in_root("build/hosts").join(self.target);
        let [system, processor] = self.system;
        // One program, without a DLL of the compiler's beside it.
        let static_in_wine = if matches!(self.runs, Runs::InWine) { "-static" } else { "" };
        let settings = [
            ("CMAKE_EXE_LINKER_FLAGS", static_in_wine),
            ("CMAKE_BUILD_TYPE", "Release"),
            ("CMAKE_SYSTEM_NAME", system),
            ("CMAKE_SYSTEM_PROCESSOR", processor),
            ("CMAKE_C_COMPILER", &c),
            ("CMAKE_CXX_COMPILER", &cxx),
            ("CMAKE_CROSSCOMPILING_EMULATOR", &runner.join(";")),
            ("WASM_MEMORY_RUST_TARGET", self.target),
            ("WASM_MEMORY_TESTS_KINDS", "static"),
        ]
        .map(|(name, value)| format!("-D{name}={value}"));
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        cmake::project(&paths::root(), &build, &settings)?;
        if matches!(self.runs, Runs::InWine) {
            self.provide_random_numbers(&build.join("c-tests"))?;
        }
        let mut test = command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]);
        test.arg(&build).args(["--parallel", "2"]);
        // What an emulator lets a process have is its own affair, and what 32 bits do not address is not
        // to be had.
        let is_emulated = matches!(self.runs, Runs::Emulated(_) | Runs::InWine);
        let is_narrow = self.target.starts_with("i686") || self.target.starts_with("arm");
        match (is_emulated, is_narrow) {
            (true, true) => test.args(["--label-exclude", "^(host-limits|wide)$"]),
            (true, false) => test.args(["--label-exclude", "^host-limits$"]),
            (false, true) => test.args(["--label-exclude", "^wide$"]),
            (false, false) => &mut test,
        };
        self.environment(&mut test);
        shown(&mut test)?;
        Ok(Outcome::Done)
    }
}

/// Where cargo builds for other hosts.
fn target_directory() -> PathBuf {
    paths::scratch("hosts")
}
