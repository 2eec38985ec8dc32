//! A reference to a value that was read from a cache.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use crate::held::Held;
use crate::part::Part;
use crate::stored::{Stored, sealed};

/// A value in the snapshot that it was found in. It dereferences to `V`; nothing is copied.
///
/// It keeps that whole snapshot in memory, so drop it soon, and clone the value to keep it for long.
///
/// ```
/// use kiwi_cache::Cache;
///
/// let airlines = Cache::fixed([("FR", "Ryanair".to_owned())]);
/// let ryanair = airlines.get("FR")?.expect("it is in the map");
/// assert_eq!((ryanair.key(), ryanair.as_str()), ("FR", "Ryanair"));
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Ref<V: Stored + ?Sized> {
    found: Part<Held<V>, <V as sealed::Stored>::Key, V>,
    /// The key that was asked for, if it is not in the snapshot and the `missing` hook gave the value.
    asked: Option<Box<str>>,
}

impl<V: Stored + ?Sized> Ref<V> {
    /// Finds `key` in what is held.
    #[inline(always)]
    pub(crate) fn find(held: Guard<Option<Arc<Held<V>>>>, key: &str) -> Option<Self> {
        let found = Part::find(held, |held| match held.snapshot.entries().find(key) {
            Some((key, value)) => Some((Some(key), value)),
            None => held.snapshot.fallback(key).map(|value| (None, value)),
        })?;
        let asked = found.key().is_none().then(|| key.into());
        Some(Self { found, asked })
    }

    /// The key it was found by.
    #[must_use]
    pub fn key(&self) -> &str {
        match (self.found.key(), &self.asked) {
            (Some(key), _) => key.as_ref(),
            (None, asked) => asked.as_deref().unwrap_or_default(),
        }
    }

    /// A reference to a part of the value, as [`std::cell::Ref::map`] makes one. It is a function, not a method, so
    /// that a method `map` of the value stays reachable.
    ///
    /// ```
    /// use kiwi_cache::{Cache, MappedRef, Ref};
    ///
    /// struct Airline {
    ///     name: String,
    /// }
    ///
    /// fn name(airlines: &Cache<Airline>, code: &str) -> kiwi_cache::Result<Option<MappedRef<Airline, str>>> {
    ///     Ok(airlines.get(code)?.map(|airline| Ref::map(airline, (|airline| &airline.name) as fn(&Airline) -> &str)))
    /// }
    ///
    /// let airlines = Cache::fixed([("FR", Airline { name: "Ryanair".into() })]);
    /// assert_eq!(name(&airlines, "FR")?.as_deref(), Some("Ryanair"));
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    ///
    /// `part` is called at each access, so it must be cheap and always return the same part. The `as fn` above is
    /// needed only to write down the type; `Ref::map(airline, |airline| &airline.name)` works without it.
    pub fn map<T: ?Sized, F: Fn(&V) -> &T>(value: Self, part: F) -> MappedRef<V, T, F> {
        MappedRef { value, part, target: PhantomData }
    }
}

impl<V: Stored + ?Sized> Deref for Ref<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        self.found.value()
    }
}

impl<V: Stored + fmt::Debug + ?Sized> fmt::Debug for Ref<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V: Stored + fmt::Display + ?Sized> fmt::Display for Ref<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A part of a value in the snapshot that it was found in: what [`Ref::map`] returns. It dereferences to `T`.
///
/// As a [`Ref`] it keeps that whole snapshot in memory.
pub struct MappedRef<V: Stored + ?Sized, T: ?Sized, F = fn(&V) -> &T> {
    value: Ref<V>,
    part: F,
    target: PhantomData<fn() -> *const T>,
}

impl<V: Stored + ?Sized, T: ?Sized, F: Fn(&V) -> &T> MappedRef<V, T, F> {
    /// The key that the whole value was found by.
    #[must_use]
    pub fn key(&self) -> &str {
        self.value.key()
    }
}

impl<V: Stored + ?Sized, T: ?Sized, F: Fn(&V) -> &T> Deref for MappedRef<V, T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        (self.part)(&self.value)
    }
}

impl<V: Stored + ?Sized, T: fmt::Debug + ?Sized, F: Fn(&V) -> &T> fmt::Debug for MappedRef<V, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V: Stored + ?Sized, T: fmt::Display + ?Sized, F: Fn(&V) -> &T> fmt::Display for MappedRef<V, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
