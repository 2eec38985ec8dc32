//! The live lines of a terminal: one for each cache that is loading.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kiwi_host::{Host, Progress};
use kiwi_store::Name;

use crate::human;

/// The terminal that live lines and log lines share. Where standard error is none, nothing is live.
#[derive(Clone, Default)]
pub(crate) struct Screen(MultiProgress);

impl Screen {
    /// Writes something while no live line is in the way.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Shows what a host is loading while `work` goes on.
    pub(crate) async fn during<T>(&self, host: &Host, work: impl Future<Output = T>) -> T {
        if self.0.is_hidden() {
            return work.await;
        }
        tokio::select! {
            done = work => done,
            never = self.watch(host) => match never {},
        }
    }

    async fn watch(&self, host: &Host) -> Infallible {
        let mut lines = Lines { screen: self, shown: HashMap::new() };
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            for instance in host.instances() {
                lines.show(instance.name(), instance.progress());
            }
        }
    }
}

/// The lines that are shown now. They go when this goes.
struct Lines<'a> {
    screen: &'a Screen,
    shown: HashMap<Name, (ProgressBar, Instant)>,
}

impl Lines<'_> {
    fn show(&mut self, cache: &Name, progress: &Progress) {
        if !progress.is_loading() {
            if let Some((line, _)) = self.shown.remove(cache) {
                line.finish_and_clear();
            }
            return;
        }
        let (line, since) = self.shown.entry(cache.clone()).or_insert_with(|| {
            let line = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
            (self.screen.0.add(line), Instant::now())
        });
        let (entries, bytes) = (progress.entries(), progress.bytes());
        let rate = bytes as f64 / since.elapsed().as_secs_f64().max(0.1);
        let (entries, bytes, rate) = (human::entries(entries), human::bytes(bytes), human::bytes(rate as u64));
        line.set_message(format!("{cache}  {entries}  {bytes}  {rate}/s"));
        line.tick();
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        for (line, _) in self.shown.values() {
            line.finish_and_clear();
        }
    }
}
