//! One reader of this process: what reads see of it, and what keeps that up to date.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use kiwi_cache::{Changed, Error, ReaderEvent};
use pyo3::PyErr;

use crate::error::{CacheMissing, closed, exception};
use crate::event;
use crate::held::{Followed, Held, Settings, Snapshot};
use crate::view::View;

/// Who decides that a snapshot which was loaded is what reads see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adopt {
    /// Each one is adopted as soon as it is loaded.
    AtOnce,
    /// Python checks it first.
    Checked,
}

/// One reader. Its locks are taken only by who has the GIL and keeps it, so that none is taken while another thread forks.
pub(crate) struct Shared {
    pub(crate) number: u64,
    pub(crate) name: String,
    /// `None` if the map is fixed.
    pub(crate) settings: Option<Settings>,
    pub(crate) adopt: Adopt,
    max_memo_bytes: usize,
    view: ArcSwapOption<View>,
    /// `None` when it is closed.
    held: ArcSwapOption<Held>,
    followed: Mutex<Option<Followed>>,
    /// Why the check refused the last snapshot, until one is adopted.
    refused: ArcSwapOption<String>,
    is_closed: AtomicBool,
}

/// Those that have threads, for what surrounds a fork.
static CONNECTED: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

impl Shared {
    fn new(number: u64, name: String, settings: Option<Settings>, adopt: Adopt, max_memo_bytes: usize) -> Self {
        Self {
            number,
            name,
            settings,
            adopt,
            max_memo_bytes,
            view: ArcSwapOption::empty(),
            held: ArcSwapOption::empty(),
            followed: Mutex::new(None),
            refused: ArcSwapOption::empty(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Connects and loads. What was loaded is seen by reads unless it is to be checked.
    pub(crate) fn connect(
        number: u64,
        settings: Settings,
        adopt: Adopt,
        max_memo_bytes: usize,
    ) -> Result<Arc<Self>, Error> {
        let shared = Arc::new(Self::new(number, settings.name.clone(), Some(settings.clone()), adopt, max_memo_bytes));
        let held = settings.connect(Self::reporter(&shared))?;
        shared.hold(held);
        Ok(shared)
    }

    /// A map that is in no store.
    pub(crate) fn fixed(number: u64, entries: Vec<(String, String)>, adopt: Adopt, max_memo_bytes: usize) -> Arc<Self> {
        let shared = Self::new(number, "fixed".to_owned(), None, adopt, max_memo_bytes);
        shared.hold(Held::fixed(entries));
        Arc::new(shared)
    }

    fn hold(&self, held: Held) {
        *self.followed() = Some(held.changes());
        self.held.store(Some(Arc::new(held)));
        if self.adopt == Adopt::AtOnce {
            self.adopt_newest();
        }
    }

    /// For the surroundings of a fork. With the GIL.
    pub(crate) fn register(shared: &Arc<Self>) {
        let mut connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
        connected.retain(|shared| shared.strong_count() > 0);
        connected.push(Arc::downgrade(shared));
    }

    /// All that have threads. With the GIL.
    pub(crate) fn all_connected() -> Vec<Arc<Self>> {
        CONNECTED.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    /// What the thread of the reader calls.
    fn reporter(shared: &Arc<Self>) -> impl Fn(&ReaderEvent) + Send + Sync + use<> {
        let (shared, number) = (Arc::downgrade(shared), shared.number);
        move |reported| {
            // Also without another snapshot: the same one may lie in a copy on disk now.
            if let (ReaderEvent::Reloaded { .. } | ReaderEvent::Unchanged { .. }, Some(shared)) =
                (reported, shared.upgrade())
                && shared.adopt == Adopt::AtOnce
            {
                shared.adopt_newest();
            }
            event::report(number, reported);
        }
    }

    /// Lets reads see the newest snapshot that is held.
    pub(crate) fn adopt_newest(&self) {
        loop {
            // In this order: what is held is then at least as new as what reads see, and never replaces something newer.
            let seen = self.view.load_full();
            let Some(snapshot) = self.newest() else { return };
            if seen.as_ref().is_some_and(|seen| seen.snapshot.is_same(&snapshot)) {
                return;
            }
            let view = Arc::new(View::new(snapshot, self.max_memo_bytes));
            self.view.compare_and_swap(&seen, Some(view));
        }
    }

    /// What reads that see nothing report.
    pub(crate) fn refuse(&self, why: String) {
        self.refused.store(Some(Arc::new(why)));
    }

    /// Lets reads see this snapshot.
    pub(crate) fn adopt(&self, view: Arc<View>) {
        self.refused.store(None);
        if !self.is_closed() {
            self.view.store(Some(view));
        }
    }

    /// The newest snapshot that is held, which may not be what reads see: it may have to be checked.
    pub(crate) fn newest(&self) -> Option<Snapshot> {
        self.held.load().as_ref()?.snapshot().ok()
    }

    pub(crate) fn newest_view(&self) -> Option<Arc<View>> {
        self.newest().map(|snapshot| Arc::new(View::new(snapshot, self.max_memo_bytes)))
    }

    /// What reads see.
    #[inline]
    pub(crate) fn view(&self) -> arc_swap::Guard<Option<Arc<View>>> {
        self.view.load()
    }

    /// The reader, unless it is closed.
    pub(crate) fn held(&self) -> Result<Arc<Held>, PyErr> {
        self.held.load_full().ok_or_else(|| closed(&self.name))
    }

    /// The changes since they were last taken. With the GIL.
    pub(crate) fn take_changes(&self) -> Vec<Changed> {
        let mut followed = self.followed();
        std::iter::from_fn(|| followed.as_mut()?.take()).collect()
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, Option<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Why reads see nothing.
    #[cold]
    pub(crate) fn no_view(&self) -> PyErr {
        let Ok(held) = self.held() else { return closed(&self.name) };
        match (held.snapshot(), self.refused.load_full()) {
            (Err(error), _) => exception(&error),
            (Ok(_), Some(why)) => CacheMissing::new_err(format!("{why} (and no snapshot was served before)")),
            (Ok(_), None) => {
                CacheMissing::new_err(format!("cache `{}`: its first snapshot was not checked yet", self.name))
            }
        }
    }

    /// Ends its thread and connections. Reads still see what was held.
    pub(crate) fn stop(&self) -> Option<Arc<Held>> {
        *self.followed() = None;
        self.held.swap(None)
    }

    /// Ends its thread and connections, and drops what it holds.
    pub(crate) fn close(&self) -> Option<Arc<Held>> {
        self.is_closed.store(true, Ordering::Relaxed);
        let held = self.stop();
        self.view.store(None);
        held
    }

    /// In a child of the process that has connected: threads of its own, and what was held.
    pub(crate) fn restart(shared: &Arc<Self>) -> Result<(), Error> {
        // Never dropped: their threads do not exist here, and locks may be taken for ever.
        let (held, followed) = (shared.held.swap(None), shared.followed().take());
        std::mem::forget(followed);
        let (Some(held), Some(settings)) = (held, &shared.settings) else { return Ok(()) };
        let again = Held::clone(&held);
        std::mem::forget(held);
        let again = again.after_fork(settings, Self::reporter(shared))?;
        shared.hold(again);
        Ok(())
    }
}
