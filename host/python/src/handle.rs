//! What a cache does besides reads: connect, reload, close, and report how it is.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use kiwi_cache::{Error, Keys, State};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::decoder::Decoder;
use crate::error::{CacheUnavailable, exception};
use crate::held::Settings;
use crate::shared::{Adopt, Shared};
use crate::snapshot::Snapshot;

/// How often a wait looks for signals such as Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// One change: the id and number of a snapshot, and the keys that were set and removed, if they are known.
type Change = (String, u64, Option<(Vec<String>, Vec<String>)>);

#[pyclass(frozen, module = "kiwi_cache._native")]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

#[pymethods]
impl Handle {
    #[staticmethod]
    #[pyo3(signature = (url, name, *, number, key_prefix, copy_dir, record_key, reload_ttl, wait_for, start_missing, poll_only, max_attempts,
        refill_timeout, checked, memo_bytes))]
    #[allow(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn connect(
        py: Python<'_>,
        url: String,
        name: String,
        number: u64,
        key_prefix: Option<String>,
        copy_dir: Option<PathBuf>,
        record_key: Option<String>,
        reload_ttl: f64,
        wait_for: f64,
        start_missing: bool,
        poll_only: bool,
        max_attempts: i32,
        refill_timeout: f64,
        checked: bool,
        memo_bytes: usize,
    ) -> PyResult<Self> {
        let settings = Settings {
            url,
            name,
            key_prefix,
            copy_dir,
            record_key,
            reload_ttl: duration("reload_ttl", reload_ttl)?,
            wait_for: duration("wait_for", wait_for)?,
            start_missing,
            poll_only,
            max_attempts,
            refill_timeout: duration("refill_timeout", refill_timeout)?,
        };
        let shared = interruptible(py, move || Shared::connect(number, settings, adopt(checked), memo_bytes))?;
        Shared::register(&shared);
        Ok(Self { shared })
    }

    #[staticmethod]
    #[pyo3(signature = (entries, *, number, checked, memo_bytes))]
    fn fixed(entries: Vec<(String, String)>, number: u64, checked: bool, memo_bytes: usize) -> PyResult<Self> {
        let shared = Shared::fixed(number, entries, adopt(checked), memo_bytes);
        Ok(Self { shared })
    }

    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        let held = self.shared.held()?;
        interruptible(py, move || held.reload())
    }

    fn refill_if_missing(&self, py: Python<'_>) -> PyResult<()> {
        let held = self.shared.held()?;
        interruptible(py, move || held.refill_if_missing())?;
        if self.shared.adopt == Adopt::AtOnce {
            self.shared.adopt_newest();
        }
        Ok(())
    }

    /// Before the interpreter ends.
    fn stop(&self, py: Python<'_>) {
        let held = self.shared.stop();
        py.detach(|| drop(held));
    }

    fn close(&self, py: Python<'_>) {
        let held = self.shared.close();
        // Its thread ends meanwhile.
        py.detach(|| drop(held));
    }

    /// The newest snapshot that was loaded, whether reads see it or not.
    fn newest(&self, py: Python<'_>, decoder: &Bound<'_, Decoder>) -> PyResult<Option<Py<Snapshot>>> {
        let Some(view) = self.shared.newest_view() else { return Ok(None) };
        Py::new(py, Snapshot { view, decoder: decoder.clone().unbind() }).map(Some)
    }

    /// Lets reads see a snapshot that was checked.
    fn adopt(&self, snapshot: &Snapshot) {
        self.shared.adopt(Arc::clone(&snapshot.view));
    }

    /// The check has refused a snapshot.
    fn refuse(&self, why: String) {
        self.shared.refuse(why);
    }

    /// The changes since they were last taken.
    fn take_changes(&self) -> Vec<Change> {
        let keys = |keys| match keys {
            Keys::Some(keys) => Some((keys.set.clone(), keys.removed.clone())),
            _ => None,
        };
        self.shared.take_changes().into_iter().map(|c| (c.id.to_string(), c.seq, keys(c.keys))).collect()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.shared.name
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    #[getter]
    fn state(&self) -> PyResult<&'static str> {
        Ok(match self.shared.held()?.state() {
            State::Fresh => "fresh",
            State::Missing => "missing",
            _ => "stale",
        })
    }

    #[getter]
    fn age(&self) -> PyResult<Option<f64>> {
        Ok(self.shared.held()?.age().map(|age| age.as_secs_f64()))
    }

    /// Which snapshot reads see.
    #[getter]
    fn id(&self) -> Option<String> {
        self.shared.view().as_ref().map(|view| view.snapshot.id().to_string())
    }

    #[getter]
    fn seq(&self) -> Option<u64> {
        self.shared.view().as_ref().map(|view| view.snapshot.seq())
    }

    #[getter]
    fn last_error(&self) -> PyResult<Option<PyErr>> {
        Ok(self.shared.held()?.last_error().map(|error| exception(&error)))
    }
}

fn adopt(checked: bool) -> Adopt {
    if checked { Adopt::Checked } else { Adopt::AtOnce }
}

fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("invalid `{name}`: {seconds} s is not a duration (expected e.g. 60)"))
    })
}

/// Runs what may wait in a thread of its own, without the GIL. A signal, such as Ctrl-C, ends the wait; what was begun then
/// ends by itself.
fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let (sender, mut outcome) = mpsc::channel();
    let thread = std::thread::Builder::new().name("kiwi-wait".to_owned());
    thread
        // Nobody may wait any more.
        .spawn(move || drop(sender.send(call())))
        .map_err(|error| CacheUnavailable::new_err(format!("failed to start a thread: {error}")))?;
    loop {
        let received;
        (outcome, received) = py.detach(move || {
            let received = outcome.recv_timeout(SIGNAL_INTERVAL);
            (outcome, received)
        });
        match received {
            Ok(outcome) => return outcome.map_err(|error| exception(&error)),
            Err(mpsc::RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(CacheUnavailable::new_err(
                    "a thread of the reader has panicked: see its message on stderr",
                ));
            }
        }
    }
}
