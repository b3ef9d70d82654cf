//! One wast file as a script.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

const VALIDATION: &str = "validation or parsing, touches no memory";
const REFERENCE: &str = "a reference as a value";

/// Writes `script` and the modules it names into the directory.
pub fn write(text: &str, directory: &Path) -> Result<()> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    let wast: Wast<'_> = parser::parse(&buffer)?;
    let mut script = Script { text, directory, modules: 0, out: String::new() };
    for directive in wast.directives {
        script.directive(directive)?;
    }
    fs::write(directory.join("script"), script.out).context("cannot write the script")
}

/// The module that the test suite imports from as `spectest`: one of wasm, for a memory that the host
/// makes is never one of ours.
pub fn spectest() -> Result<Vec<u8>> {
    let text = include_str!("spectest.wat");
    let buffer = ParseBuffer::new(text)?;
    Ok(parser::parse::<Wat<'_>>(&buffer)?.encode()?)
}

struct Script<'a> {
    text: &'a str,
    directory: &'a Path,
    modules: usize,
    out: String,
}

impl Script<'_> {
    fn directive(&mut self, directive: WastDirective<'_>) -> Result<()> {
        let line = self.line(directive.span());
        match directive {
            WastDirective::Module(mut module) => self.module("module", line, &mut module),
            WastDirective::ModuleDefinition(mut module) => self.module("define", line, &mut module),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.say(&format!("instance {line} {} {}", id(instance), id(module)))
            }
            WastDirective::Register { name: as_name, module, .. } => {
                self.say(&format!("register {line} {} {}", name(as_name), id(module)))
            }
            WastDirective::Invoke(invoke) => match call(&invoke) {
                Some(call) => self.say(&format!("invoke {line} {call}")),
                None => self.skip(line, REFERENCE),
            },
            WastDirective::AssertReturn { exec, results, .. } => {
                self.assert_return(line, exec, &results)
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.assert_trap(line, exec, message)
            }
            WastDirective::AssertUnlinkable { mut module, message, .. } => {
                let file = self.file(&module.encode()?)?;
                self.say(&format!("unlinkable {line} {file} {}", name(message)))
            }
            WastDirective::AssertMalformed { .. } | WastDirective::AssertInvalid { .. } => {
                self.skip(line, VALIDATION)
            }
            WastDirective::AssertExhaustion { .. } => self.skip(line, "exhausts the stack"),
            _ => self.skip(line, "a directive of a later proposal"),
        }
    }

    fn module(&mut self, word: &str, line: usize, module: &mut QuoteWat<'_>) -> Result<()> {
        let id = id(module.name());
        let file = self.file(&module.encode()?)?;
        self.say(&format!("{word} {line} {id} {file}"))
    }

    fn assert_return(
        &mut self,
        line: usize,
        exec: WastExecute<'_>,
        results: &[WastRet<'_>],
    ) -> Result<()> {
        let expected: Option<Vec<String>> = results.iter().map(result).collect();
        let command = match (&exec, expected) {
            (WastExecute::Invoke(invoke), Some(expected)) => {
                call(invoke).map(|call| format!("return {line} {call} {}", counted(&expected)))
            }
            (WastExecute::Get { module, global, .. }, Some(expected)) => {
                Some(format!("get {line} {} {} {}", id(*module), name(global), expected.join(" ")))
            }
            _ => None,
        };
        match command {
            Some(command) => self.say(&command),
            None => self.skip(line, REFERENCE),
        }
    }

    fn assert_trap(&mut self, line: usize, exec: WastExecute<'_>, message: &str) -> Result<()> {
        let command = match exec {
            WastExecute::Invoke(invoke) => {
                call(&invoke).map(|call| format!("trap {line} {call} {}", name(message)))
            }
            WastExecute::Wat(mut module) => {
                let file = self.file(&module.encode()?)?;
                Some(format!("trapmodule {line} {file} {}", name(message)))
            }
            WastExecute::Get { .. } => None,
        };
        match command {
            Some(command) => self.say(&command),
            None => self.skip(line, REFERENCE),
        }
    }

    fn skip(&mut self, line: usize, reason: &str) -> Result<()> {
        self.say(&format!("skip {line} {}", name(reason)))
    }

    fn say(&mut self, command: &str) -> Result<()> {
        writeln!(self.out, "{command}").context("a string takes any text")
    }

    fn file(&mut self, bytes: &[u8]) -> Result<String> {
        let file = format!("{}.wasm", self.modules);
        self.modules += 1;
        fs::write(self.directory.join(&file), bytes).context("cannot write a module")?;
        Ok(file)
    }

    fn line(&self, span: Span) -> usize {
        span.linecol_in(self.text).0 + 1
    }
}

fn id(id: Option<Id<'_>>) -> String {
    id.map_or_else(|| "-".to_owned(), |id| name(id.name()))
}

fn name(text: &str) -> String {
    text.bytes().fold("=".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

fn counted(values: &[String]) -> String {
    values.iter().fold(values.len().to_string(), |text, value| format!("{text} {value}"))
}

/// The module, function and arguments; none where an argument is a reference.
fn call(invoke: &WastInvoke<'_>) -> Option<String> {
    let arguments: Option<Vec<String>> = invoke.args.iter().map(argument).collect();
    Some(format!("{} {} {}", id(invoke.module), name(invoke.name), counted(&arguments?)))
}

fn argument(argument: &WastArg<'_>) -> Option<String> {
    let WastArg::Core(argument) = argument else { return None };
    match argument {
        WastArgCore::I32(value) => Some(format!("i32:{value:x}")),
        WastArgCore::I64(value) => Some(format!("i64:{value:x}")),
        WastArgCore::F32(value) => Some(format!("f32:{:x}", value.bits)),
        WastArgCore::F64(value) => Some(format!("f64:{:x}", value.bits)),
        WastArgCore::V128(value) => Some(v128(value.to_le_bytes())),
        _ => None,
    }
}

fn result(result: &WastRet<'_>) -> Option<String> {
    let WastRet::Core(result) = result else { return None };
    match result {
        WastRetCore::I32(value) => Some(format!("i32:{value:x}")),
        WastRetCore::I64(value) => Some(format!("i64:{value:x}")),
        WastRetCore::F32(NanPattern::CanonicalNan) => Some("f32:canonical".to_owned()),
        WastRetCore::F32(NanPattern::ArithmeticNan) => Some("f32:arithmetic".to_owned()),
        WastRetCore::F32(NanPattern::Value(value)) => Some(format!("f32:{:x}", value.bits)),
        WastRetCore::F64(NanPattern::CanonicalNan) => Some("f64:canonical".to_owned()),
        WastRetCore::F64(NanPattern::ArithmeticNan) => Some("f64:arithmetic".to_owned()),
        WastRetCore::F64(NanPattern::Value(value)) => Some(format!("f64:{:x}", value.bits)),
        WastRetCore::V128(pattern) => v128_pattern(pattern),
        _ => None,
    }
}

fn v128(bytes: [u8; 16]) -> String {
    bytes.iter().fold("v128:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Exact bits only: no test of memories expects a lane that is any NaN.
fn v128_pattern(pattern: &V128Pattern) -> Option<String> {
    let mut bytes = Vec::with_capacity(16);
    match pattern {
        V128Pattern::I8x16(lanes) => lanes.iter().for_each(|lane| bytes.extend(lane.to_le_bytes())),
        V128Pattern::I16x8(lanes) => lanes.iter().for_each(|lane| bytes.extend(lane.to_le_bytes())),
        V128Pattern::I32x4(lanes) => lanes.iter().for_each(|lane| bytes.extend(lane.to_le_bytes())),
        V128Pattern::I64x2(lanes) => lanes.iter().for_each(|lane| bytes.extend(lane.to_le_bytes())),
        V128Pattern::F32x4(lanes) => {
            for lane in lanes {
                let NanPattern::Value(value) = lane else { return None };
                bytes.extend(value.bits.to_le_bytes());
            }
        }
        V128Pattern::F64x2(lanes) => {
            for lane in lanes {
                let NanPattern::Value(value) = lane else { return None };
                bytes.extend(value.bits.to_le_bytes());
            }
        }
    }
    Some(v128(bytes.try_into().ok()?))
}
