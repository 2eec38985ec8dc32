//! One load: an instance is made, called once, and gone.

use std::sync::Arc;

use kiwi_store::Name;
use wasmtime::Store;

use super::files::{FileThreads, Files};
use super::plugin::Plugin;
use super::state::{Capabilities, State};
use super::trap;
use super::v0_1::loader::{Called, Entry};
use crate::config::grants::Grants;
use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::entries::intake::Intake;
use crate::failure::{Failure, FailureKind};
use crate::loader::deadline::Deadline;
use crate::loader::mark::Loaded;
use crate::outside::http::HttpClient;
use crate::outside::load_secrets::{LoadSecrets, SecretReaders};

/// A plugin as one cache runs it.
#[derive(Debug)]
pub(crate) struct Component {
    plugin: Arc<Plugin>,
    client: Arc<HttpClient>,
    file_threads: Arc<FileThreads>,
    secret_readers: SecretReaders,
}

/// What one load is given.
struct Load<'c> {
    cache: &'c Name,
    settings: &'c Settings,
    grants: &'c Grants,
    limits: &'c Limits,
    deadline: Deadline,
    published_mark: Option<String>,
    intake: Intake,
    secrets: LoadSecrets,
}

impl Component {
    pub(crate) fn new(plugin: Arc<Plugin>, grants: &Grants) -> Self {
        let client = Arc::new(HttpClient::new(grants, &plugin.resources.http));
        Self { plugin, client, file_threads: Arc::default(), secret_readers: SecretReaders::default() }
    }

    /// Runs `load-from-source` once, in an instance of its own, and sends its entries to `intake`.
    ///
    /// # Errors
    /// The loader's own error, a refusal, a trap, or a limit. It shows no secret that the load has read.
    pub(crate) async fn load(
        &self,
        cache: &Name,
        settings: &Settings,
        grants: &Grants,
        limits: &Limits,
        published_mark: Option<String>,
        intake: Intake,
    ) -> Result<Loaded, Failure> {
        let secrets = LoadSecrets::new(self.secret_readers.clone(), intake.progress().clone());
        let deadline = Deadline::after(limits.load_timeout, intake.progress());
        let load = Load { cache, settings, grants, limits, deadline, published_mark, intake, secrets: secrets.clone() };
        self.run(load).await.map_err(|failure| secrets.scrub_failure(failure))
    }

    async fn run(&self, load: Load<'_>) -> Result<Loaded, Failure> {
        let Load { cache, settings, grants, limits, deadline, published_mark, intake, secrets } = load;
        let threads = self.file_threads.begin(grants).await?;
        let opened = deadline.bounds(Files::open(grants, threads)).await;
        let files = opened.map_err(|failure| waiting(failure, self.file_threads.waits_for()))??;
        let capabilities = Capabilities {
            cache,
            settings: settings.to_json(),
            grants,
            files,
            limits,
            max_resources: self.plugin.resources.of_a_guest,
            client: self.client.clone(),
            databases: self.plugin.resources.databases.clone(),
            intake: Some(intake),
            published_mark,
            secrets,
        };
        let mut store = State::store(self.plugin.loader.engine(), capabilities);
        let called = deadline.bounds(self.plugin.loader.call(&mut store)).await.map_err(|failure| {
            let detail = Some(store.data().log.stderr_tail()).filter(|tail| !tail.is_empty());
            Failure { detail, ..waiting(failure, store.data().files.waits_for()) }
        });
        let entries =
            settle(called, &store).map_err(|failure| store.data().files.explain(failure, &store.data().settings))?;
        deadline.bounds(finish(entries, store.into_data())).await?
    }
}

/// A time-out, with the path that the load waited for.
fn waiting(failure: Failure, path: Option<String>) -> Failure {
    match path {
        Some(path) => {
            Failure { message: format!("{}; it was waiting for the file `{path}`", failure.message), ..failure }
        }
        None => failure,
    }
}

/// How a call that came back counts: a limit or a trap, then the first refusal, then the loader's own
/// word.
fn settle(called: Result<Called, Failure>, store: &Store<State>) -> Result<Vec<Entry>, Failure> {
    let state = store.data();
    let called = match (called, state.refusals.first()) {
        (_, Some(refusal)) => return Err(refusal),
        (called, None) => called?,
    };
    let returned = match called {
        Ok(returned) => returned.map_err(|failure| state.explain_socket(returned_failure(failure, state))),
        Err(trap) => Err(state.explain_socket(trap::failure(&trap, store))),
    };
    returned.map_err(|failure| explain_secrets(failure, state))
}

/// A request that could not be sent with its secrets is why a load failed, whatever the guest made of it: by wasi:http it
/// gets no text.
fn explain_secrets(failure: Failure, state: &State) -> Failure {
    match state.secrets.problem() {
        Some(problem) if problem.message != failure.message => {
            let Failure { message, detail, retry_after, .. } = failure;
            let detail = detail.map_or_else(|| message.clone(), |detail| format!("{message}\n{detail}"));
            Failure { detail: Some(detail), retry_after, ..problem }
        }
        _ => failure,
    }
}

/// The loader's own word, and what the host knows besides.
fn returned_failure(failure: Failure, state: &State) -> Failure {
    // Also without a word of it: exceptions of many HTTP libraries are `other`.
    let failure = Failure { retry_after: state.allowance.retry_after(), ..failure };
    match failure.kind {
        // Python's MemoryError and JavaScript's "out of memory" can be caught.
        FailureKind::Other if state.limiter.has_refused() && failure.message.to_lowercase().contains("memory") => {
            let detail = Some(failure.message);
            Failure { detail, ..trap::out_of_memory(state) }
        }
        // A stack, for example, that an SDK wrote before it returned the error.
        FailureKind::Other => {
            let detail = Some(state.log.stderr_tail()).filter(|tail| !tail.is_empty());
            Failure { detail, ..failure }
        }
        _ => failure,
    }
}

/// Adds what was returned to what was emitted.
async fn finish(returned: Vec<Entry>, state: State) -> Result<Loaded, Failure> {
    let Some(mut intake) = state.intake else {
        return Err(Failure::new(FailureKind::Contract, "the loader returned within a call of its own"));
    };
    for entry in returned {
        intake.take(&entry.key, &entry.value).await?;
    }
    state.marks.conclude(intake).await
}
