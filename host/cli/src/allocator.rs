//! The allocator of the command. `host/bench` includes this file, so that it measures what is shipped.

use mimalloc::MiMalloc;

/// Static builds link musl, whose own allocator is slow when several threads allocate. mimalloc's
/// feature `no_thp` avoids huge pages, with which a host needs 40 % more memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
