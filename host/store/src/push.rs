//! What an announcement of a new snapshot carries.

/// What the announcement of a new snapshot carries to the readers that listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// Its id. A reader then reads from the store what leads to it.
    #[default]
    Hint,
    /// A small delta itself, so that a reader has it without asking. Whoever may publish on the channel of the cache could
    /// then give readers wrong values, so it is for stores where only hosts may.
    Delta,
}
