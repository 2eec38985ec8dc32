//! How much a load may use.

use std::time::Duration;

/// What bounds one load. A load that exceeds a limit fails and names it; the published data stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory of the guest, and of what the host holds for its HTTP: the bodies of requests, and
    /// what it takes to unpack compressed responses.
    pub memory: u64,
    /// From the start of a load to its end.
    pub load_timeout: Duration,
    /// Entries in the map. Default: a million.
    pub entries: u64,
    /// Bytes of one key. Never above 511, which is what LMDB can hold.
    pub key_bytes: u64,
    /// Bytes of one value.
    pub value_bytes: u64,
    /// How deep a value may be nested. Never above 127, which is what serde_json reads.
    pub json_depth: u64,
    /// Bytes of all keys and values together. Default: 256 MiB.
    pub total_bytes: u64,
    /// Bytes of log lines, standard output and standard error together.
    pub log_bytes: u64,
    /// Bytes that one call between guest and host may carry.
    pub hostcall_bytes: u64,
    /// Bytes of one HTTP response's body, after decompression.
    pub http_response_bytes: u64,
    /// HTTP responses open at the same time.
    pub open_responses: u64,
    /// Rows of one result of a database.
    pub query_rows: u64,
    /// Bytes of one result of a database, as JSON.
    pub query_bytes: u64,
}

/// What an unconfigured plugin may do to a Redis that it shares with others: no more than a service would hold in
/// memory without a thought.
impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            load_timeout: Duration::from_secs(60),
            entries: 1_000_000,
            key_bytes: 511,
            value_bytes: 1 << 20,
            json_depth: 127,
            total_bytes: 256 << 20,
            log_bytes: 1 << 20,
            hostcall_bytes: 128 << 20,
            http_response_bytes: 4 << 30,
            open_responses: 16,
            query_rows: 100_000_000,
            query_bytes: 64 << 30,
        }
    }
}
