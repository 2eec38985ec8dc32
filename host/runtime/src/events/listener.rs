//! Who wants to know what happens.

use super::event::Event;

/// Hears every event, in the task in which it happens: it must not block.
pub(super) trait Listener: Send + Sync {
    /// Something happened.
    fn heard(&self, event: &Event<'_>);
}
