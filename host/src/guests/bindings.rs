//! Every binding to the contract (`wit/`), and nothing else.
//!
//! One module a world.
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

pub(crate) mod detecting {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "detecting",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod scoring {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "scoring",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
