//! `tidegate demo`: an embedded broker, a producer of real-looking logs, the shipped pipeline and an
//! embedded OTLP sink, so that a person sees the gateway work with nothing but the binary.

pub mod broker;
pub mod lines;
pub mod mixed;
