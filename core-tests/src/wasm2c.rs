//! Scripts as C: what wasm2c makes of each module, and a program that calls it.

use crate::unhex;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const REFUSED: &str = "wasm2c: does not translate the module";
const LINKING: &str = "wasm2c: does not check imports, the C linker does";
const IMPORTS: &str = "wasm2c: the module imports from one that is not there";
const SEVERAL: &str = "wasm2c: a function of several results";

/// Assertions that fail with wasm2c 1.0.32 on the memories of its own runtime too.
const FAULTS: [(&str, &str); 5] = [
    ("memory_copy1", "22"),
    ("memory_copy1", "23"),
    ("memory_copy1", "24"),
    ("memory_copy1", "25"),
    ("linking0", "42"),
];
const FAULT: &str = "wasm2c 1.0.32: fails with its own memories too";

/// Writes `<directory>/wasm2c/main.c` and the modules beside it.
pub fn write(directory: &Path) -> Result<()> {
    let script = fs::read_to_string(directory.join("script")).context("no script")?;
    let to = directory.join("wasm2c");
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut program = Program { to, registered: registered(&script), ..Program::default() };
    for line in script.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let multi = directory.parent().is_some_and(|set| set.ends_with("multi-memory"));
        let file = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let fault = |line: &str| multi && FAULTS.contains(&(file, line));
        match words.as_slice() {
            ["return", line, ..] if fault(line) => program.skip(FAULT),
            words => program.command(directory, words)?,
        }
    }
    program.end_part(None);
    fs::write(program.to.join("main.c"), program.text()).context("cannot write main.c")
}

/// The modules that are registered, by the position of their command, and as what. wasm2c names the
/// functions of an import by the importing name, so such a module must have that name.
fn registered(script: &str) -> BTreeMap<String, String> {
    let mut last = String::new();
    let mut by_id = BTreeMap::new();
    let mut registered = BTreeMap::new();
    for line in script.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["module", _, id, file] => {
                last = (*file).to_owned();
                by_id.insert((*id).to_owned(), last.clone());
            }
            ["register", _, name, id] => {
                let file = if *id == "-" { Some(&last) } else { by_id.get(*id) };
                if let Some(file) = file {
                    registered.entry(file.clone()).or_insert_with(|| unhex(name));
                }
            }
            _ => {}
        }
    }
    registered
}

/// One module that wasm2c translated.
#[derive(Clone)]
struct Module {
    name: String,
    header: String,
}

#[derive(Default)]
struct Program {
    to: std::path::PathBuf,
    registered: BTreeMap<String, String>,
    names: BTreeSet<String>,
    modules: BTreeMap<String, Result<Module, &'static str>>,
    last: Option<Result<Module, &'static str>>,
    declarations: String,
    part: String,
    functions: String,
    table: String,
    parts: usize,
}

impl Program {
    fn command(&mut self, directory: &Path, words: &[&str]) -> Result<()> {
        match words {
            ["module", line, id, file] => {
                let module = self.translate(directory, file)?;
                if let Ok(module) = &module {
                    let instantiate = self.instantiate(module)?;
                    self.say(line, &instantiate);
                }
                self.modules.insert((*id).to_owned(), module.clone());
                self.last = Some(module);
            }
            ["trapmodule", line, file, message] => match self.translate(directory, file)? {
                Ok(module) => {
                    let instantiate = self.instantiate(&module)?;
                    self.trap(line, &instantiate, message);
                }
                Err(reason) => self.skip(reason),
            },
            ["invoke", line, rest @ ..] => {
                if let Ok((call, _, _)) = self.call(rest) {
                    self.say(line, &format!("{call};"));
                }
            }
            ["trap", line, rest @ ..] => match self.call(rest) {
                Ok((call, _, after)) => {
                    let message = after.first().context("a trap without a message")?;
                    self.trap(line, &format!("{call};"), message);
                }
                Err(reason) => self.skip(reason),
            },
            ["return", line, rest @ ..] => match self.call(rest) {
                Ok((call, result, after)) => self.expect(line, &call, &result, &after),
                Err(reason) => self.skip(reason),
            },
            ["get", line, id, name, value] => match self.find(id) {
                Ok(module) => {
                    let get = format!("(*{}(&{}))", function(&module, name), module.name);
                    self.check(line, &get, value);
                }
                Err(reason) => self.skip(reason),
            },
            ["unlinkable", ..] => self.skip(LINKING),
            ["skip", _, reason] => self.skip(&unhex(reason)),
            _ => {}
        }
        Ok(())
    }

    /// Runs wasm2c on a module, and declares an instance of it.
    fn translate(&mut self, directory: &Path, file: &str) -> Result<Result<Module, &'static str>> {
        let own = format!("m{}", file.trim_end_matches(".wasm"));
        let given = self.registered.get(file).unwrap_or(&own).clone();
        let name = mangled(&given);
        if !self.names.insert(name.clone()) {
            return Ok(Err("wasm2c: two modules of one name"));
        }
        let source = self.to.join(format!("{own}.c"));
        let mut wasm2c = Command::new("wasm2c");
        wasm2c.arg(directory.join(file)).args(["-n", &given, "--enable-multi-memory", "-o"]);
        let done = wasm2c.arg(&source).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !done.context("cannot run wasm2c")?.success() {
            self.names.remove(&name);
            return Ok(Err(REFUSED));
        }
        let header = fs::read_to_string(source.with_extension("h")).context("no header")?;
        let module = Module { name: name.clone(), header };
        if imported(&module).iter().any(|from| from != "spectest" && !self.names.contains(from)) {
            self.names.remove(&name);
            fs::remove_file(&source).context("cannot remove a module")?;
            return Ok(Err(IMPORTS));
        }
        writeln!(self.declarations, "#include \"{own}.h\"\nstatic Z_{name}_instance_t {name};")?;
        Ok(Ok(module))
    }

    fn instantiate(&self, module: &Module) -> Result<String> {
        let mut text = String::new();
        write!(text, "Z_{0}_init_module(); Z_{0}_instantiate(&{0}", module.name)?;
        for from in imported(module) {
            write!(text, ", &{from}")?;
        }
        Ok(text + ");")
    }

    fn find(&self, id: &str) -> Result<Module, &'static str> {
        let found = if id == "-" { self.last.as_ref() } else { self.modules.get(id) };
        found.cloned().unwrap_or(Err(IMPORTS))
    }

    /// A call as C, the C type of its result, and the words after the arguments.
    fn call<'a>(&self, words: &[&'a str]) -> Result<(String, String, Vec<&'a str>), &'static str> {
        let [id, name, count, rest @ ..] = words else { return Err(REFUSED) };
        let module = self.find(id)?;
        let count: usize = count.parse().map_err(|_| REFUSED)?;
        let name = function(&module, name);
        let declared = format!(" {name}(");
        let line = module.header.lines().find(|line| line.contains(&declared)).ok_or(REFUSED)?;
        let result = line.split(&declared).next().unwrap_or_default().to_owned();
        let mut call = format!("{name}(&{}", module.name);
        for value in rest.iter().take(count) {
            call.push_str(&format!(", {}", constant(value)));
        }
        call.push(')');
        Ok((call, result, rest.iter().skip(count).copied().collect()))
    }

    fn expect(&mut self, line: &str, call: &str, result: &str, after: &[&str]) {
        match after {
            ["0"] => self.say(line, &format!("{call}; passed();")),
            ["1", value] if !result.starts_with("struct") => self.check(line, call, value),
            _ => self.skip(SEVERAL),
        }
    }

    fn check(&mut self, line: &str, got: &str, value: &str) {
        let (kind, bits) = value.split_once(':').unwrap_or((value, "0"));
        let check = match bits {
            "canonical" | "arithmetic" => format!("is_{kind}_{bits}({got});"),
            _ => format!("is_{kind}({got}, {});", constant(value)),
        };
        self.say(line, &check);
    }

    fn trap(&mut self, line: &str, statement: &str, message: &str) {
        self.end_part(None);
        self.say(line, statement);
        self.end_part(Some(&unhex(message)));
    }

    fn skip(&mut self, reason: &str) {
        self.part.push_str(&format!("  skipped({reason:?});\n"));
    }

    fn say(&mut self, line: &str, statement: &str) {
        self.part.push_str(&format!("  at = {line}; {statement}\n"));
    }

    /// A trap leaves the function that it is in, so what must trap has one for itself.
    fn end_part(&mut self, trap: Option<&str>) {
        if !self.part.is_empty() {
            let (number, part) = (self.parts, &self.part);
            self.functions.push_str(&format!("static void part{number}(void) {{\n{part}}}\n"));
            let trap = trap.map_or_else(|| "NULL".to_owned(), |trap| format!("{trap:?}"));
            self.table.push_str(&format!("  {{part{number}, {trap}}},\n"));
            self.parts += 1;
            self.part.clear();
        }
    }

    fn text(&self) -> String {
        format!(
            "#include \"wasm2c.h\"\n{}\n{}\nconst part_t parts[] = {{\n{}  {{NULL, NULL}}}};\n",
            self.declarations, self.functions, self.table
        )
    }
}

/// The modules that a module imports from, in the order of its arguments.
fn imported(module: &Module) -> Vec<String> {
    let instantiate = format!("void Z_{}_instantiate(", module.name);
    let line = module.header.lines().find(|line| line.starts_with(&instantiate));
    line.map_or_else(Vec::new, |line| {
        let of = |argument: &str| {
            Some(argument.split_once("struct Z_")?.1.split_once("_instance_t")?.0.to_owned())
        };
        line.split(',').filter_map(of).collect()
    })
}

/// wasm2c's name of an export.
fn function(module: &Module, name: &str) -> String {
    format!("Z_{}Z_{}", module.name, mangled(&unhex(name)))
}

/// A name as wasm2c spells it in C.
fn mangled(name: &str) -> String {
    let mut mangled = String::new();
    for byte in name.bytes() {
        match byte {
            b'_' => mangled.push('_'),
            _ if byte.is_ascii_alphanumeric() && byte != b'Z' => mangled.push(char::from(byte)),
            _ => mangled.push_str(&format!("Z{byte:02X}")),
        }
    }
    mangled
}

/// A value as a C expression.
fn constant(value: &str) -> String {
    let (kind, bits) = value.split_once(':').unwrap_or((value, "0"));
    format!("{kind}_of(0x{bits})")
}
