//! Tidegate: logs from Kafka through WebAssembly plugins to OTLP, offsets committed behind the delivery.
//!
//! A batch walks forward through the house and carries its own receipt; one answer comes back, at one
//! door. The modules below stand in the order of that journey:
//!
//! ```text
//!            receipt written                                             receipt read
//! Kafka ──► intake ──► lane: guests ──► encode ──► export ──► collector      │
//!   ▲         │                                      │                       │
//!   │         └───────────── one Outcome a batch ────┴──────► settle ◄───────┘
//!   └──────────────────────── commit, dead letters ─────────────┘
//! ```
//!
//! Dependencies point one way: `app` knows every stage, stages know [`model`] and what is below them,
//! [`model`] knows nobody.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod model;

pub mod config;

pub mod kafka;

pub mod intake;

pub mod lane;

pub mod guests;

pub mod encode;

pub mod export;

pub mod settle;

pub mod telemetry;

pub mod admin;

pub mod app;

pub mod cli;

pub mod demo;
