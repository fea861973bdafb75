//! The binary: arguments, logging, configuration, run, exit code; no logic.

// The system allocator costs several times as much a record.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tidegate::cli::main()
}
