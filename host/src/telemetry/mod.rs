//! What the gateway says of itself: events for people, metrics for machines.

pub mod metrics;
