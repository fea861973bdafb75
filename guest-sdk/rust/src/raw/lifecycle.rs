//! `tidegate:plugin/lifecycle`, for every kind of plugin.

use super::abi::List;
use crate::host::{self, LogLevel};
use crate::plugin::{self, ConfigError, Plugin};
use std::panic::PanicHookInfo;

/// The plugin, once it is configured, and what it said on the way.
pub struct Lifecycle<P> {
    plugin: Option<P>,
    schema: String,
    error: ConfigError,
    description: DescriptionArea,
    configured: ConfiguredArea,
}

/// `description`.
#[repr(C)]
pub struct DescriptionArea {
    name: List,
    version: List,
    summary: List,
    config_schema: List,
}

/// `result<_, config-error>`.
#[repr(C)]
pub struct ConfiguredArea {
    failed: u32,
    case: u32,
    text: [List; 2],
}

// === impl Lifecycle ===

impl<P: Plugin> Lifecycle<P> {
    pub(super) const fn new() -> Self {
        Lifecycle {
            plugin: None,
            schema: String::new(),
            error: ConfigError {
                pointer: String::new(),
                message: String::new(),
            },
            description: DescriptionArea {
                name: List::EMPTY,
                version: List::EMPTY,
                summary: List::EMPTY,
                config_schema: List::EMPTY,
            },
            configured: ConfiguredArea {
                failed: 0,
                case: 0,
                text: [List::EMPTY; 2],
            },
        }
    }

    /// `describe`.
    pub fn describe(&mut self, name: &str, version: &str, summary: &str) -> *const DescriptionArea {
        report_panics();
        self.schema = plugin::config_schema::<P>();
        self.description = DescriptionArea {
            name: List::text(name),
            version: List::text(version),
            summary: List::text(summary),
            config_schema: List::text(&self.schema),
        };
        &self.description
    }

    /// `configure`.
    ///
    /// # Safety
    /// The two arguments are a string that the gateway passes.
    pub unsafe fn configure(&mut self, at: *const u8, len: usize) -> *const ConfiguredArea {
        report_panics();
        // SAFETY: the caller's.
        let config = unsafe { List::passed(at, len).into_text() };
        self.configured = match plugin::configured(&config) {
            Ok(plugin) => {
                self.plugin = Some(plugin);
                ConfiguredArea {
                    failed: 0,
                    case: 0,
                    text: [List::EMPTY; 2],
                }
            }
            Err(error) => {
                self.error = error;
                let (pointer, message) = (
                    List::text(&self.error.pointer),
                    List::text(&self.error.message),
                );
                match self.error.pointer.as_str() {
                    "" => ConfiguredArea {
                        failed: 1,
                        case: 1,
                        text: [message, List::EMPTY],
                    },
                    _ => ConfiguredArea {
                        failed: 1,
                        case: 0,
                        text: [pointer, message],
                    },
                }
            }
        };
        &self.configured
    }

    pub(super) fn plugin(&self) -> &P {
        match &self.plugin {
            Some(plugin) => plugin,
            None => panic!("called before it was configured"),
        }
    }
}

/// Without it a panic is a trap that says nothing.
fn report_panics() {
    std::panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    match panic.location() {
        Some(at) => host::log(
            LogLevel::Error,
            &format!("panic at {}:{}: {message}", at.file(), at.line()),
        ),
        None => host::log(LogLevel::Error, &format!("panic: {message}")),
    }
}
