//! Databases in a guest's hands.

use crate::outside::sql::{Query, Session};

/// A connection in a guest's hands.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the generated bindings name it where they are public")]
pub struct Connection(pub(super) Session);

/// A result in a guest's hands.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the generated bindings name it where they are public")]
pub struct Rows(pub(super) Query);
