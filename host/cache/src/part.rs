//! A value inside what a reader holds, with the guard that keeps it alive.
#![allow(unsafe_code, reason = "a value is found once, and not again at each access: see `Part`")]

use std::ptr::NonNull;
use std::sync::Arc;

use arc_swap::Guard;

/// A value that is part of a `T` that was held, and the key it is stored under, if it is stored under one. Moving this
/// does not move them.
///
/// It is a few words with the address of the value among them, so that it stays in registers: written to memory and read back,
/// it made the reads of a large map wait for each other, which cost as much as the look-up itself.
pub(crate) struct Part<T, K: ?Sized, V: ?Sized> {
    key: Option<NonNull<K>>,
    value: NonNull<V>,
    // Keeps both alive.
    _guard: Guard<Option<Arc<T>>>,
}

// SAFETY: It is a guard of a `T`, which may be sent and shared if the `T` may be, and gives out `&K` and `&V`.
unsafe impl<T: Send + Sync, K: Sync + ?Sized, V: Sync + ?Sized> Send for Part<T, K, V> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync, K: Sync + ?Sized, V: Sync + ?Sized> Sync for Part<T, K, V> {}

impl<T, K: ?Sized, V: ?Sized> Part<T, K, V> {
    /// What `find` finds in what was held. `None`: nothing was held, or it finds nothing.
    #[inline(always)]
    pub(crate) fn find(
        guard: Guard<Option<Arc<T>>>,
        find: impl for<'a> FnOnce(&'a T) -> Option<(Option<&'a K>, &'a V)>,
    ) -> Option<Self> {
        let (key, value) = find(guard.as_deref()?)?;
        let (key, value) = (key.map(NonNull::from), NonNull::from(value));
        Some(Self { key, value, _guard: guard })
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> Option<&K> {
        // SAFETY: As in `value`.
        self.key.map(|key| unsafe { key.as_ref() })
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> &V {
        // SAFETY: `find` must be right for every lifetime, so also for that of the guard: what it returned lives as long as
        // the `T`. The guard owns or protects a count of the `Arc` that the `T` is in, so as long as it lives the `T` is
        // neither moved nor freed, and only shared.
        unsafe { self.value.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arc_swap::ArcSwapOption;

    use super::*;

    /// Counts what is alive, and is wrong once it was dropped.
    struct Canary(&'static AtomicUsize, u64);

    impl Drop for Canary {
        fn drop(&mut self) {
            self.1 = 0;
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_part_keeps_what_it_is_part_of_while_that_is_replaced_and_in_other_threads() {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);
        let new = |n: u64| {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            Some(Arc::new(vec![Canary(&ALIVE, n)]))
        };
        let held = ArcSwapOption::from(new(1));
        let find = || Part::find(held.load(), |held| Some((None::<&String>, &held[0]))).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut kept = Vec::new();
                    for n in 0..2_000 {
                        let part = find();
                        assert_ne!(part.value().1, 0);
                        kept.push((part.value().1, part));
                        // More of them than arc-swap has places for.
                        if n % 20 == 19 {
                            let handed = std::mem::take(&mut kept);
                            scope.spawn(|| handed.into_iter().for_each(|(n, part)| assert_eq!(part.value().1, n)));
                        }
                    }
                });
            }
            for n in 2..500 {
                held.store(new(n));
            }
        });
        assert_eq!(ALIVE.load(Ordering::Relaxed), 1);
        let last = find();
        drop(held);
        assert_eq!((last.value().1, ALIVE.load(Ordering::Relaxed)), (499, 1));
        drop(last);
        assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    }
}
