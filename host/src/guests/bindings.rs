//! Every binding to the contract (`wit/`), and nothing else.
//!
//! One module a world. Detecting and scoring get theirs here when the host runs them.
#![allow(missing_docs)]

pub(crate) mod parsing {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "parsing",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod enriching {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "enriching",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
