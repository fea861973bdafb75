//! Plugins that misbehave, one a file under `examples/`.
