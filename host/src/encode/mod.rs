//! Columns to OTLP protobuf, OTLP JSON and text; pure.
