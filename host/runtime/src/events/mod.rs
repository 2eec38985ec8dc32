//! What happens to caches, as one stream of typed events. Whoever wants to know listens: the log and
//! statsd do. Nothing else in the host counts or logs what a refill comes to.

pub(crate) mod event;
mod listener;
mod log;
pub(crate) mod metrics;
pub(crate) mod outcome;
mod statsd;
mod streak;
pub(crate) mod stream;
