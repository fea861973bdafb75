//! What the user asked for: arguments into a [`Command`]. Pure.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The text of `cargo xtask help`.
pub const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [ARGS]              install what is missing, build, and run `tidegate demo ARGS`
  test [--fast]            all checks and all tests; --fast leaves out cargo-deny, the docs, Kafka and the Collector
  bench [ARGS]             measure the gateway (real Kafka); ARGS go to the benchmark, such as --json FILE
  guests                   build the plugins of this repository for WebAssembly
  plugin build PATH        build the plugin crate at PATH for WebAssembly and say how to use it
  kafka [--port P]         run a Kafka broker on 127.0.0.1:P (9092) until Ctrl-C
  collector [--port P] [--http-port P]
                           run an OpenTelemetry Collector on 127.0.0.1 (gRPC 4317, HTTP 4318) until Ctrl-C
  prepare kafka|collector|deny|all
                           download or build these into the cache and print where they are

Every command takes --yes: install what is missing without asking.
TIDEGATE_CACHE names the cache folder (by default tidegate in the user's cache folder).";

/// One thing to do, with everything it needs to know.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    /// `args` go to `tidegate demo`.
    Demo {
        yes: bool,
        args: Vec<String>,
    },
    Guests {
        yes: bool,
    },
    /// `path` is the folder of a crate or its Cargo.toml.
    PluginBuild {
        yes: bool,
        path: PathBuf,
    },
    Test {
        yes: bool,
        fast: bool,
    },
    Prepare {
        yes: bool,
        parts: Vec<Part>,
    },
    Kafka {
        yes: bool,
        port: u16,
    },
    Collector {
        yes: bool,
        grpc_port: u16,
        http_port: u16,
    },
    /// `args` go to the benchmark.
    Bench {
        yes: bool,
        args: Vec<String>,
    },
}

/// Something that is kept in the cache folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Kafka,
    Collector,
    Deny,
}

/// Reads the arguments that follow `cargo xtask`.
pub fn parse(mut args: Vec<String>) -> Result<Command> {
    if args.is_empty() {
        return Ok(Command::Help);
    }
    let name = args.remove(0);
    let mut rest = Rest::new(args);
    let yes = rest.flag("--yes");
    let command = match name.as_str() {
        "help" | "--help" | "-h" => Command::Help,
        "demo" => {
            return Ok(Command::Demo {
                yes,
                args: rest.all(),
            });
        }
        "bench" => {
            return Ok(Command::Bench {
                yes,
                args: rest.all(),
            });
        }
        "guests" => Command::Guests { yes },
        "plugin" => parse_plugin(yes, &mut rest)?,
        "test" => Command::Test {
            yes,
            fast: rest.flag("--fast"),
        },
        "prepare" => parse_prepare(yes, &mut rest)?,
        "kafka" => Command::Kafka {
            yes,
            port: rest.port("--port", 9092)?,
        },
        "collector" => Command::Collector {
            yes,
            grpc_port: rest.port("--port", 4317)?,
            http_port: rest.port("--http-port", 4318)?,
        },
        other => bail!("there is no command `{other}`"),
    };
    rest.nothing_left(&name)?;
    Ok(command)
}

fn parse_plugin(yes: bool, rest: &mut Rest) -> Result<Command> {
    match rest.next().as_deref() {
        Some("build") => {}
        Some(other) => bail!("there is no command `plugin {other}`, only `plugin build PATH`"),
        None => bail!("`plugin` needs to be told what to do: `plugin build PATH`"),
    }
    let path = rest
        .next()
        .context("`plugin build` needs the folder of a plugin crate")?;
    Ok(Command::PluginBuild {
        yes,
        path: path.into(),
    })
}

fn parse_prepare(yes: bool, rest: &mut Rest) -> Result<Command> {
    let mut parts = Vec::new();
    while let Some(name) = rest.next() {
        match name.as_str() {
            "kafka" => parts.push(Part::Kafka),
            "collector" => parts.push(Part::Collector),
            "deny" => parts.push(Part::Deny),
            "all" => parts.extend([Part::Kafka, Part::Collector, Part::Deny]),
            other => bail!("cannot prepare `{other}`, only kafka, collector, deny or all"),
        }
    }
    if parts.is_empty() {
        bail!("`prepare` needs one or more of kafka, collector, deny, all");
    }
    Ok(Command::Prepare { yes, parts })
}

/// The arguments not yet understood. `passed` is what came after the first `--`.
struct Rest {
    own: Vec<String>,
    passed: Vec<String>,
}

impl Rest {
    fn new(mut own: Vec<String>) -> Self {
        let passed = match own.iter().position(|arg| arg == "--") {
            Some(at) => own.drain(at..).skip(1).collect(),
            None => Vec::new(),
        };
        Self { own, passed }
    }

    fn flag(&mut self, name: &str) -> bool {
        let before = self.own.len();
        self.own.retain(|arg| arg != name);
        self.own.len() < before
    }

    fn next(&mut self) -> Option<String> {
        (!self.own.is_empty()).then(|| self.own.remove(0))
    }

    fn port(&mut self, name: &str, default: u16) -> Result<u16> {
        let Some(at) = self.own.iter().position(|arg| arg == name) else {
            return Ok(default);
        };
        self.own.remove(at);
        if at == self.own.len() {
            bail!("{name} needs a port");
        }
        let text = self.own.remove(at);
        let port = text.parse().ok().filter(|port| *port > 0);
        port.with_context(|| format!("{name} is `{text}`, but must be a port from 1 to 65535"))
    }

    fn all(mut self) -> Vec<String> {
        self.own.append(&mut self.passed);
        self.own
    }

    fn nothing_left(&self, command: &str) -> Result<()> {
        match self.own.iter().chain(&self.passed).next() {
            Some(arg) => bail!("`{command}` does not know the argument `{arg}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(String::from).collect())
    }

    /// *Scenario:* arguments for `tidegate demo` follow a `--`, or stand there without one; `--yes` stands before it
    /// or behind it.
    /// *Guarantees:* they arrive whole and in order, and only a `--yes` of our own is taken.
    #[test]
    fn demo_passes_its_arguments_on() {
        let passed = |yes, args: &[&str]| Command::Demo {
            yes,
            args: args.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(parsed("demo").unwrap(), passed(false, &[]));
        assert_eq!(
            parsed("demo -- --for 20s").unwrap(),
            passed(false, &["--for", "20s"])
        );
        assert_eq!(
            parsed("demo --yes --for 20s").unwrap(),
            passed(true, &["--for", "20s"])
        );
        assert_eq!(
            parsed("demo -- --yes --").unwrap(),
            passed(false, &["--yes", "--"])
        );
    }

    /// *Scenario:* each command with its options, given or left out.
    /// *Guarantees:* options are found in any place, and defaults are the well-known ports.
    #[test]
    fn options_and_defaults() {
        assert_eq!(
            parsed("kafka").unwrap(),
            Command::Kafka {
                yes: false,
                port: 9092
            }
        );
        assert_eq!(
            parsed("kafka --port 7 --yes").unwrap(),
            Command::Kafka { yes: true, port: 7 }
        );
        let collector = Command::Collector {
            yes: false,
            grpc_port: 4317,
            http_port: 8,
        };
        assert_eq!(parsed("collector --http-port 8").unwrap(), collector);
        assert_eq!(
            parsed("test --fast").unwrap(),
            Command::Test {
                yes: false,
                fast: true
            }
        );
        let parts = vec![Part::Deny, Part::Kafka];
        assert_eq!(
            parsed("prepare deny kafka").unwrap(),
            Command::Prepare { yes: false, parts }
        );
        let path = PathBuf::from("a/b");
        assert_eq!(
            parsed("plugin build a/b").unwrap(),
            Command::PluginBuild { yes: false, path }
        );
    }

    /// *Scenario:* arguments that a tired person types.
    /// *Guarantees:* nothing is silently ignored, and the message names what was wrong.
    #[test]
    fn wrong_arguments_are_named() {
        for (line, wrong) in [
            ("tset", "tset"),
            ("test --quick", "--quick"),
            ("test -- more", "more"),
            ("kafka --port", "--port"),
            ("kafka --port 70000", "70000"),
            ("kafka --port 0", "65535"),
            ("prepare", "kafka, collector, deny, all"),
            ("prepare kafak", "kafak"),
            ("plugin", "plugin build PATH"),
            ("plugin bench", "bench"),
            ("plugin build", "folder"),
            ("plugin build a b", "`b`"),
        ] {
            let problem = parsed(line).expect_err(line).to_string();
            assert!(problem.contains(wrong), "{line}: {problem}");
        }
    }
}
