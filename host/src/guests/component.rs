//! Bytes of a plugin -> a component: what it exports decides its kind, and a core module is wrapped.
//!
//! Pure: no engine, no files. Runs when plugins are loaded.

use wasmparser::{Encoding, Parser, Payload};

/// The contract that this gateway speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";
/// All contracts that this gateway speaks.
pub const CONTRACT_VERSIONS: &[&str] = &[CONTRACT_VERSION];
/// The contract's package.
const PACKAGE: &str = "tidegate:plugin/";
/// The contract's text, for core modules that do not bring it.
const WIT: [(&str, &str); 7] = [
    ("answers.wit", include_str!("../../../wit/answers.wit")),
    ("detector.wit", include_str!("../../../wit/detector.wit")),
    ("enricher.wit", include_str!("../../../wit/enricher.wit")),
    ("parser.wit", include_str!("../../../wit/parser.wit")),
    ("plugin.wit", include_str!("../../../wit/plugin.wit")),
    ("scorer.wit", include_str!("../../../wit/scorer.wit")),
    ("types.wit", include_str!("../../../wit/types.wit")),
];

/// What a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    /// Turns bytes into records.
    Parser,
    /// Adds to, changes and leaves out records.
    Enricher,
    /// Raises alerts.
    Detector,
    /// Scores how unusual records are.
    Scorer,
}

/// The bytes are no plugin.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ComponentError {
    /// Neither a core module nor a component, or a damaged one.
    #[error("is not WebAssembly: {0}")]
    NotWasm(String),
    /// No export is one of the contract's.
    #[error(
        "exports none of tidegate:plugin/{{parser,enricher,detector,scorer}}@{CONTRACT_VERSION}; a plugin exports exactly one of them"
    )]
    NoKind,
    /// More than one kind.
    #[error("exports both {0} and {1}; a plugin is of one kind")]
    TwoKinds(PluginKind, PluginKind),
    /// Written for another contract.
    #[error(
        "speaks contract {found}, this gateway speaks {CONTRACT_VERSION}; build it against {CONTRACT_VERSION}"
    )]
    Version {
        /// The contract that it exports.
        found: String,
    },
    /// It wants what is not linked.
    #[error("imports {import}, {remedy}")]
    Import {
        /// The import's name.
        import: String,
        /// What to do about it.
        remedy: String,
    },
    /// The core module cannot be wrapped.
    #[error("cannot be made a component: {0}")]
    Encode(String),
}

/// Bytes of a component, and what it does.
pub(crate) struct Wrapped {
    pub kind: PluginKind,
    pub bytes: Vec<u8>,
}

/// What a module or a component says of itself at its top level.
#[derive(Default)]
struct Surface {
    is_core: bool,
    imports: Vec<String>,
    exports: Vec<String>,
    brings_world: bool,
}

impl PluginKind {
    /// The interface that a plugin of this kind exports.
    pub fn interface(self) -> &'static str {
        match self {
            PluginKind::Parser => "parser",
            PluginKind::Enricher => "enricher",
            PluginKind::Detector => "detector",
            PluginKind::Scorer => "scorer",
        }
    }

    fn world(self) -> &'static str {
        match self {
            PluginKind::Parser => "parsing",
            PluginKind::Enricher => "enriching",
            PluginKind::Detector => "detecting",
            PluginKind::Scorer => "scoring",
        }
    }

    fn of(interface: &str) -> Option<PluginKind> {
        use PluginKind::*;
        [Parser, Enricher, Detector, Scorer]
            .into_iter()
            .find(|k| k.interface() == interface)
    }
}

impl std::fmt::Display for PluginKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.interface())
    }
}

/// Makes a component of a core module or a component. `wasi`: whether the configuration grants one.
///
/// # Errors
/// See [`ComponentError`]; each names the remedy.
pub(crate) fn wrap(bytes: &[u8], wasi: bool) -> Result<Wrapped, ComponentError> {
    let surface = surface(bytes)?;
    let kind = kind(&surface.exports)?;
    check_imports(&surface.imports, wasi)?;
    let bytes = match surface.is_core {
        true => encode(bytes, kind, surface.brings_world)?,
        false => bytes.to_vec(),
    };
    Ok(Wrapped { kind, bytes })
}

fn surface(bytes: &[u8]) -> Result<Surface, ComponentError> {
    let not_wasm = |e: wasmparser::BinaryReaderError| ComponentError::NotWasm(e.to_string());
    let mut surface = Surface::default();
    // Modules and components nested in a component are not its surface.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_wasm)? {
            Payload::Version { encoding, .. } if depth == 0 => {
                surface.is_core = encoding == Encoding::Module;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    surface
                        .imports
                        .push(import.map_err(not_wasm)?.module.into());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    surface.exports.push(export.map_err(not_wasm)?.name.into());
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(not_wasm)?;
                    surface.imports.push(import.name.name.into());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.map_err(not_wasm)?;
                    surface.exports.push(export.name.name.into());
                }
            }
            Payload::CustomSection(section) => {
                surface.brings_world |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// The one kind that the exports name. A core module exports `INTERFACE#FUNCTION`, a component `INTERFACE`.
fn kind(exports: &[String]) -> Result<PluginKind, ComponentError> {
    let mut found = None;
    for export in exports {
        let Some(name) = export.strip_prefix(PACKAGE) else {
            continue;
        };
        let interface = name.split('#').next().unwrap_or(name);
        let (interface, version) = interface.split_once('@').unwrap_or((interface, "none"));
        let Some(kind) = PluginKind::of(interface) else {
            continue;
        };
        if !speaks(version) {
            let found = version.to_owned();
            return Err(ComponentError::Version { found });
        }
        match found {
            Some(other) if other != kind => return Err(ComponentError::TwoKinds(other, kind)),
            _ => found = Some(kind),
        }
    }
    found.ok_or(ComponentError::NoKind)
}

/// Within 0.1.x plugins stay compatible.
fn speaks(version: &str) -> bool {
    let track = |v: &str| v.rsplit_once('.').map(|(track, _)| track.to_owned());
    track(version) == track(CONTRACT_VERSION)
}

fn check_imports(imports: &[String], wasi: bool) -> Result<(), ComponentError> {
    let stranger = imports
        .iter()
        .find(|i| !i.starts_with(PACKAGE) && !i.starts_with("[export]"));
    let Some(import) = stranger else {
        return Ok(());
    };
    let is_wasi = import.starts_with("wasi");
    let remedy = match (is_wasi, wasi) {
        (true, true) => {
            "and `wasi: true` is not supported yet; build the plugin without WASI (Rust: target wasm32-unknown-unknown)"
        }
        (true, false) => {
            "but plugins get no WASI (no clock, no files, no network); build it without (Rust: target wasm32-unknown-unknown)"
        }
        _ => {
            "which the contract does not know; a plugin may import host, tables and schemas of tidegate:plugin alone"
        }
    };
    Err(ComponentError::Import {
        import: import.clone(),
        remedy: remedy.to_owned(),
    })
}

fn encode(core: &[u8], kind: PluginKind, brings_world: bool) -> Result<Vec<u8>, ComponentError> {
    let failed = |e: &dyn std::fmt::Display| ComponentError::Encode(format!("{e:#}"));
    let mut module = core.to_vec();
    if !brings_world {
        embed_world(&mut module, kind)?;
    }
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .map_err(|e| failed(&e))?
        .encode()
        .map_err(|e| failed(&e))
}

fn embed_world(module: &mut Vec<u8>, kind: PluginKind) -> Result<(), ComponentError> {
    let failed = |e: &dyn std::fmt::Display| ComponentError::Encode(format!("{e:#}"));
    let mut sources = wit_parser::SourceMap::new();
    for (path, text) in WIT {
        sources.push_str(path, text);
    }
    let package = sources.parse().map_err(|(_, e)| failed(&e))?;
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_group(package).map_err(|e| failed(&e))?;
    let world = resolve
        .select_world(&[package], Some(kind.world()))
        .map_err(|e| failed(&e))?;
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(module, &resolve, world, utf8).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    /// *Scenario:* exports of core modules and of components, of our and of other contracts.
    /// *Guarantees:* the kind is found by the interface, another contract is named, and no kind or two are refused.
    #[test]
    fn the_kind_is_what_is_exported() {
        let of = |exports: &[&str]| kind(&names(exports));
        assert_eq!(
            of(&[
                "memory",
                "tidegate:plugin/lifecycle@0.1.0#describe",
                "tidegate:plugin/parser@0.1.0#parse"
            ]),
            Ok(PluginKind::Parser)
        );
        assert_eq!(
            of(&["tidegate:plugin/enricher@0.1.7"]),
            Ok(PluginKind::Enricher)
        );
        assert_eq!(of(&["run"]), Err(ComponentError::NoKind));
        assert_eq!(
            of(&[
                "tidegate:plugin/scorer@0.1.0#score",
                "tidegate:plugin/detector@0.1.0#detect"
            ]),
            Err(ComponentError::TwoKinds(
                PluginKind::Scorer,
                PluginKind::Detector
            ))
        );
        let other = of(&["tidegate:plugin/parser@0.2.0"])
            .unwrap_err()
            .to_string();
        assert!(
            other.contains("0.2.0") && other.contains(CONTRACT_VERSION),
            "{other}"
        );
    }

    /// *Scenario:* plugins that import WASI, something unknown, or only what the contract has.
    /// *Guarantees:* the first two are refused with the import's name and what to do.
    #[test]
    fn imports_are_the_contracts_own() {
        let check = |import: &str, wasi| {
            check_imports(&names(&["tidegate:plugin/host@0.1.0", import]), wasi)
        };
        assert_eq!(check("tidegate:plugin/tables@0.1.0", false), Ok(()));
        let refused = |import: &str, wasi| check(import, wasi).unwrap_err().to_string();
        assert!(refused("wasi:clocks/wall-clock@0.2.0", false).contains("no clock"));
        assert!(refused("wasi_snapshot_preview1", true).contains("not supported yet"));
        assert!(refused("env", false).contains("does not know"));
    }

    /// *Scenario:* bytes that are no WebAssembly, and a module that is cut.
    /// *Guarantees:* an error, no panic.
    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"#!/bin/sh", b"\0asm", b"\0asm\x01\0\0\0\x07\xff"] {
            assert!(matches!(
                wrap(bytes, false),
                Err(ComponentError::NotWasm(_) | ComponentError::NoKind)
            ));
        }
    }

    /// *Scenario:* the contract that is compiled in is parsed, and an empty module is given each world.
    /// *Guarantees:* every kind's world can be embedded.
    #[test]
    fn every_world_can_be_embedded() {
        for kind in [
            PluginKind::Parser,
            PluginKind::Enricher,
            PluginKind::Detector,
            PluginKind::Scorer,
        ] {
            let mut module = b"\0asm\x01\0\0\0".to_vec();
            embed_world(&mut module, kind).unwrap();
            assert!(surface(&module).unwrap().brings_world);
        }
    }
}
