//! What the host logs, kept by cache.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock};

use kiwi_store::Name;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

type Lines = Mutex<HashMap<String, Vec<Line>>>;

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) message: String,
}

/// What was logged about a cache so far, by all tests: a cache whose log matters needs a name of its own.
pub(crate) fn log_of(cache: &Name) -> Vec<Line> {
    lines().lock().unwrap().get(cache.as_str()).cloned().unwrap_or_default()
}

/// Begins to keep the log. The first call counts.
pub(crate) fn keep() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::set_global_default(subscriber).expect("nothing else keeps the log");
    });
}

fn lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(Lines::default)
}

struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("kiwi_host")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = Line { level: *event.metadata().level(), message: fields.message };
        lines().lock().unwrap().entry(fields.cache).or_default().push(line);
    }
}

#[derive(Default)]
struct Fields {
    cache: String,
    message: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "cache" => self.cache = format!("{value:?}"),
            "message" => self.message = format!("{value:?}"),
            _ => {}
        }
    }
}
