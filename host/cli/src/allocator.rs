//! The allocator of the command. `host/bench` includes this file, so that it measures what is shipped.

use mimalloc::MiMalloc;

/// Static builds link musl, whose own allocator is slow when several threads allocate.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
