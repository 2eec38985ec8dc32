//! Progress lines on a terminal: one for each cache that is loading.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kiwi_host::{Host, Progress};
use kiwi_store::Name;

use crate::human;

/// How often the lines are drawn again.
const INTERVAL: Duration = Duration::from_millis(100);

/// The terminal that progress lines and log lines share. If standard error is not a terminal, no
/// progress is shown.
#[derive(Clone, Default)]
pub(crate) struct Terminal(MultiProgress);

impl Terminal {
    /// Hides the progress lines while `write` writes.
    pub(crate) fn above_progress<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Runs `work`, and shows meanwhile what the host is loading.
    pub(crate) async fn show_progress<T>(&self, host: &Host, work: impl Future<Output = T>) -> T {
        if self.0.is_hidden() {
            return work.await;
        }
        tokio::select! {
            result = work => result,
            never = self.draw(host) => match never {},
        }
    }

    /// Runs `work`, and shows meanwhile what is being done.
    pub(crate) async fn show_doing<T>(&self, doing: String, work: impl Future<Output = T>) -> T {
        if self.0.is_hidden() {
            return work.await;
        }
        let line =
            self.0.add(ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner()).with_message(doing));
        line.enable_steady_tick(INTERVAL);
        let done = work.await;
        line.finish_and_clear();
        done
    }

    async fn draw(&self, host: &Host) -> Infallible {
        let mut lines = Lines { terminal: self, shown: HashMap::new() };
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            for instance in host.instances() {
                lines.update(instance.name(), instance.progress());
            }
        }
    }
}

/// The lines that are shown now. Dropping this clears them.
struct Lines<'a> {
    terminal: &'a Terminal,
    shown: HashMap<Name, (ProgressBar, Instant)>,
}

impl Lines<'_> {
    fn update(&mut self, cache: &Name, progress: &Progress) {
        if !progress.is_loading() {
            if let Some((line, _)) = self.shown.remove(cache) {
                line.finish_and_clear();
            }
            return;
        }
        let (line, since) = self.shown.entry(cache.clone()).or_insert_with(|| {
            let line = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
            (self.terminal.0.add(line), Instant::now())
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
