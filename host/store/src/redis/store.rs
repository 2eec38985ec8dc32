//! The store itself: a server, and what is known of its caches. Its roles are in files of their own.

use std::collections::HashMap;
use std::sync::Arc;

use redis::{Cmd, Value};

use super::keys::Keys;
use super::meta;
use super::options::RedisOptions;
use super::reply::{text, unexpected};
use super::script::Call;
use super::server::Server;
use super::stream::{Connect, Socket};
use super::verified::Verified;
use crate::store::sealed::Sealed;
use crate::{Error, Layout, Name, Result, Store};

/// Snapshots in a Redis or Valkey server.
///
/// It holds at most two connections, one for small calls and one for whole maps, each opened by the first call that
/// needs it and again after it was lost; one more for each [`Hints::asks`](crate::Hints::asks); and one that all stores of
/// this process with the same server and user share for [`Hints::subscribe`](crate::Hints::subscribe). Any Redis client
/// can read a published map:
/// `HGET 'kiwi:{NAME}' KEY`.
#[derive(Clone, Debug)]
pub struct Redis {
    pub(super) server: Arc<Server>,
    /// The known layouts: those that were given, or found in meta.
    layouts: Arc<HashMap<Name, Layout>>,
    pub(super) verified: Arc<Verified>,
}

impl Redis {
    /// A store on this server. It does not connect: a server that cannot be reached shows in the first call.
    ///
    /// # Errors
    /// `is_invalid` if a file that the options name cannot be used.
    pub fn open(options: &RedisOptions) -> Result<Self> {
        Ok(Self::over(options, Box::new(Socket::new(options.address())?)))
    }

    /// The same over streams that this connector opens.
    pub(super) fn over(options: &RedisOptions, connector: Box<dyn Connect>) -> Self {
        let server = Arc::new(Server::new(options.clone(), connector));
        Self { server, layouts: Arc::default(), verified: Arc::default() }
    }

    /// The same store with the layouts of some more caches.
    fn with_known(&self, layouts: &[(Name, Layout)]) -> Self {
        let mut known = HashMap::clone(&self.layouts);
        known.extend(layouts.iter().cloned());
        Self { server: Arc::clone(&self.server), layouts: Arc::new(known), verified: Arc::default() }
    }

    /// A cache whose layout is not known is read as a hash, until its meta names another layout.
    pub(super) fn layout(&self, cache: &Name) -> &Layout {
        self.layouts.get(cache).unwrap_or(&Layout::Hash)
    }

    /// The same store with the layout that meta's fields `LAYOUT` name, where the data cannot be read by the one that
    /// is known: what was told is only a fallback.
    pub(super) fn with_layout_of(&self, cache: &Name, fields: &[Value]) -> Option<Self> {
        let (told, published) = (self.layout(cache), meta::layout(fields)?);
        let is_told = match &published {
            Layout::Record(_) => *told == published,
            _ => !matches!(told, Layout::Record(_)),
        };
        (!is_told).then(|| self.with_known(&[(cache.clone(), published)]))
    }

    pub(super) fn keys(&self, cache: &Name) -> Keys {
        Keys::new(self.server.options.key_prefix(), cache, self.layout(cache))
    }

    pub(super) async fn command(&self, cache: &Name, command: Cmd) -> Result<Value> {
        self.server.command(command).await.map_err(|error| self.server.explain(error).of(cache))
    }

    pub(super) async fn run(&self, cache: &Name, call: &Call) -> Result<Vec<Value>> {
        self.server.run(call).await.map_err(|error| self.server.explain(error).of(cache))
    }

    /// The word a script's reply begins with, unless the script was refused before it touched anything.
    pub(super) fn outcome<'a>(&self, cache: &Name, reply: &'a [Value]) -> Result<&'a str> {
        let word = |index| reply.get(index).and_then(text).unwrap_or_default();
        match word(0) {
            "wrong_type" => Err(self.server.wrong_type(word(1), word(2)).of(cache)),
            "forbidden" => Err(self.server.forbidden(word(1), word(2)).of(cache)),
            "format" => Err(self.server.newer_format(word(1)).of(cache)),
            outcome => Ok(outcome),
        }
    }

    /// Whether a script did its work. `false`: the lease is not ours, or nothing is published.
    pub(super) fn is_done(&self, cache: &Name, reply: &[Value]) -> Result<bool> {
        match self.outcome(cache, reply)? {
            "done" => Ok(true),
            "fenced" | "missing" => Ok(false),
            _ => Err(self.unexpected_reply(cache, reply)),
        }
    }

    pub(super) fn unexpected_reply(&self, cache: &Name, reply: &[Value]) -> Error {
        self.server.explain(unexpected(&format!("{reply:?}"))).of(cache)
    }
}

impl Store for Redis {
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.with_known(layouts)))
    }
}

impl Sealed for Redis {}
