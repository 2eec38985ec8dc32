//! The store against a peer that follows a script, in place of a socket.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::options::RedisOptions;
use super::server::Lane;
use super::store::Redis;
use super::stream::{Connect, Stream};
use crate::{
    Begin, CommitError, Content, Due, Hints, Holder, Id, Layout, Lease, LeaseState, Name, NotCommitted, Publish,
    Publishing, Reading, Result, Root, Store, Ttl,
};

/// What the peer does with one command, once the connection is set up.
#[derive(Clone, Copy)]
enum Step {
    Reply(&'static str),
    /// Closes the connection after these bytes.
    Close(&'static str),
}

const GO: Step = Step::Reply("*3\r\n$2\r\ngo\r\n$0\r\n\r\n$-1\r\n");
const DONE: Step = Step::Reply("*1\r\n$4\r\ndone\r\n");

/// A server whose connections follow one script each, and that keeps the commands they were sent.
#[derive(Clone, Default)]
struct Peer {
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    commands: Arc<Mutex<Vec<Vec<String>>>>,
    open: Arc<Mutex<usize>>,
    /// Answers nothing, not even what a client sends first.
    is_silent: bool,
}

impl Peer {
    fn following(scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let peer = Self::default();
        peer.scripts.lock().unwrap().extend(scripts);
        peer
    }

    fn store(&self, url: &str) -> Redis {
        let options: RedisOptions = url.parse().unwrap();
        Redis::over(&options, Box::new(self.clone()))
    }

    /// The commands that begin with one of these words, with all their words.
    fn commands(&self, names: &[&str]) -> Vec<Vec<String>> {
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|command| names.contains(&command[0].as_str())).cloned().collect()
    }

    /// Waits until all connections are closed.
    async fn is_left(&self) {
        self.until(|| *self.open.lock().unwrap() == 0).await;
    }

    async fn until(&self, happens: impl Fn() -> bool) {
        let all = async {
            while !happens() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("it happens");
    }

    async fn serve(self, stream: DuplexStream, script: Vec<Step>) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        if self.is_silent {
            return stream.read_to_end(&mut Vec::new()).await.map(drop);
        }
        let mut script = script.into_iter();
        while let Some(command) = read_command(&mut stream).await? {
            let is_set_up = !matches!(command[0].as_str(), "AUTH" | "SELECT" | "CLIENT" | "HELLO");
            self.commands.lock().unwrap().push(command);
            match if is_set_up { script.next() } else { Some(Step::Reply("+OK\r\n")) } {
                Some(Step::Reply(reply)) => stream.write_all(reply.as_bytes()).await?,
                Some(Step::Close(part)) => return stream.write_all(part.as_bytes()).await,
                None => std::future::pending().await,
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Connect for Peer {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let script = self.scripts.lock().unwrap().pop_front();
        let Some(script) = script else { return Err(io::ErrorKind::ConnectionRefused.into()) };
        let (near, far) = tokio::io::duplex(1 << 16);
        let (peer, open) = (self.clone(), Arc::clone(&self.open));
        *open.lock().unwrap() += 1;
        tokio::spawn(async move {
            // A store that closes its end is what some tests wait for.
            let _ = peer.serve(far, script).await;
            *open.lock().unwrap() -= 1;
        });
        Ok(Box::new(near))
    }
}

/// An array of texts, as a client sends it. `None`: the client has closed the connection.
pub(super) async fn read_command(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<Vec<String>>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = Vec::new();
    for _ in 0..line.trim()[1..].parse::<usize>().expect("an array") {
        line.clear();
        stream.read_line(&mut line).await?;
        let mut word = vec![0; line.trim()[1..].parse::<usize>().expect("a text") + 2];
        stream.read_exact(&mut word).await?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Ok(Some(words))
}

const URL: &str = "redis://peer";

async fn begin(store: &Redis) -> Result<Begin> {
    let cache: Name = "airlines".parse().unwrap();
    store.begin(&cache, Holder::anonymous(), Duration::from_secs(30), Due::Always).await
}

async fn lease(store: &Redis) -> Lease {
    match begin(store).await.unwrap() {
        Begin::Go { lease, .. } => lease,
        other => panic!("expected the lease, got {other:?}"),
    }
}

fn empty_map() -> Publish {
    let content = Content::Swap { id: Id::random(), entries: 0, bytes: 0, root: Root::default() };
    Publish::new(content, Ttl::Forever, Duration::from_secs(60))
}

#[tokio::test]
async fn a_connection_is_set_up_with_user_and_database() {
    let peer = Peer::following([vec![GO]]);
    let _lease = lease(&peer.store("redis://bob:s3cret@peer/3")).await;
    assert_eq!(peer.commands(&["AUTH", "SELECT"]), [vec!["AUTH", "bob", "s3cret"], vec!["SELECT", "3"]]);
    assert!(peer.commands(&["CLIENT"]).iter().any(|command| command[1] == "SETINFO"));
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_sent_once_more_over_a_new_connection() {
    let peer = Peer::following([vec![GO, Step::Close("")], vec![DONE]]);
    let store = peer.store(URL);
    let lease = lease(&store).await;
    store.commit(lease, &empty_map()).await.unwrap();
    let scripts = peer.commands(&["EVALSHA"]);
    assert_eq!(scripts.len(), 3);
    assert_eq!(scripts[1], scripts[2], "the same commit");
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_again_and_again_gives_its_lease_back() {
    let peer = Peer::following([vec![GO, Step::Close("")], vec![Step::Close("*1\r\n$4\r\ndo")], vec![DONE]]);
    let store = peer.store(URL);
    let lease = lease(&store).await;
    let (token, publish) = (lease.token(), empty_map());
    let lease = match store.commit(lease, &publish).await {
        Err(NotCommitted { lease, reason: CommitError::Failed(error) }) if error.is_unavailable() => lease,
        other => panic!("expected a store that cannot be reached, got {other:?}"),
    };
    assert_eq!(lease.token(), token);
    store.commit(lease, &publish).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_closes_within_a_reply_is_unavailable_and_the_next_call_connects_again() {
    let peer = Peer::following([vec![Step::Close("*3\r\n$2\r\ngo")], vec![GO]]);
    let store = peer.store(URL);
    let error = begin(&store).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("Redis at peer:6379/0"), "{error}");
    let _lease = lease(&store).await;
}

#[tokio::test]
async fn a_peer_that_is_not_a_redis_is_unavailable_and_the_next_call_connects_again() {
    let peer = Peer::following([vec![Step::Close("HTTP/1.1 400 Bad Request\r\n\r\n")], vec![GO]]);
    let store = peer.store(URL);
    let error = begin(&store).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let _lease = lease(&store).await;
}

#[tokio::test]
async fn a_reply_of_another_shape_is_an_error_and_not_a_panic() {
    for odd in ["+OK\r\n", "*0\r\n", "*1\r\n$2\r\ngo\r\n", "*2\r\n$4\r\nbusy\r\n$4\r\nsoon\r\n", ":7\r\n"] {
        let peer = Peer::following([vec![Step::Reply(odd); 20]]);
        let store = peer.store(URL);
        match begin(&store).await {
            // An answer without a base is enough to begin with.
            Ok(Begin::Go { .. }) => assert!(odd.contains("go")),
            begun => assert!(begun.unwrap_err().is_unavailable(), "{odd:?}"),
        }
        assert!(store.status(&"airlines".parse().unwrap()).await.is_err(), "{odd:?}");
    }
}

#[tokio::test]
async fn a_clock_at_the_end_of_time_is_not_a_panic() {
    let transaction = |commands: usize, replies: &str| {
        let queued = std::iter::repeat_n(Step::Reply("+QUEUED\r\n"), commands);
        let executed = Step::Reply(format!("*{commands}\r\n{replies}").leak());
        [Step::Reply("+OK\r\n")].into_iter().chain(queued).chain([executed]).collect::<Vec<_>>()
    };
    let nils = |count: usize| format!("*{count}\r\n{}", "$-1\r\n".repeat(count));
    let texts = |texts: &[&str]| texts.iter().map(|text| format!("${}\r\n{text}\r\n", text.len())).collect::<String>();
    // TIME, HMGET of meta, HLEN, XLEN, HMGET of the lease; PTTL of the lock, STRLEN, GETRANGE, GETRANGE.
    let clock = format!("*2\r\n{}", texts(&["9223372036854775807", "0"]));
    let status = format!("{clock}{}:0\r\n:0\r\n{}:60000\r\n:0\r\n{}", nils(21), nils(3), texts(&["", ""]));
    // HMGET of meta, TIME, PTTL, GET.
    let clock = format!("*2\r\n{}", texts(&["18446744073709551615", "0"]));
    let record = format!("{}{clock}:60000\r\n{}", nils(20), texts(&["{\"data\": {}, \"timestamp\": null}"]));
    let peer = Peer::following([transaction(9, &status), transaction(4, &record)]);
    let cache: Name = "airlines".parse().unwrap();
    let layout = Layout::Record("Airlines".parse().unwrap());
    let store = peer.store(URL).with_layouts(&[(cache.clone(), layout)]).unwrap();
    assert!(matches!(store.status(&cache).await.unwrap().lease, LeaseState::Free));
    let head = store.whole(&cache).await.unwrap().unwrap().head().clone();
    assert_eq!(head.cache_ttl, Ttl::For(Duration::MAX));
}

#[tokio::test]
async fn a_store_that_is_dropped_closes_its_connection() {
    let peer = Peer::following([vec![GO]]);
    let store = peer.store(URL);
    let _lease = lease(&store).await;
    assert_eq!(*peer.open.lock().unwrap(), 1);
    drop(store);
    peer.is_left().await;
}

#[tokio::test]
async fn a_store_that_is_dropped_ends_its_attempt_to_connect() {
    let peer = Peer { is_silent: true, ..Peer::following([vec![]]) };
    let store = peer.store(URL);
    assert!(tokio::time::timeout(Duration::from_millis(20), begin(&store)).await.is_err());
    assert_eq!(*peer.open.lock().unwrap(), 1, "the attempt goes on without the call");
    drop(store);
    peer.is_left().await;
}

#[tokio::test]
async fn a_server_that_is_no_longer_the_right_one_is_left_for_where_its_address_leads_now() {
    for error in [
        "-READONLY You can't write against a read only replica.\r\n",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        "-NOAUTH Authentication required.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
    ] {
        let peer = Peer::following([vec![GO, Step::Reply(error)], vec![GO]]);
        let store = peer.store(URL);
        let _first = lease(&store).await;
        let _second = lease(&store).await;
        assert_eq!(peer.commands(&["EVALSHA"]).len(), 3, "{error}");
        assert_eq!(*peer.open.lock().unwrap(), 1, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_asked_again_over_the_same_connection_and_not_forever() {
    let loading = Step::Reply("-LOADING Redis is loading the dataset in memory\r\n");
    let peer = Peer::following([vec![GO, loading], [[loading; 3].as_slice(), &[GO], &[loading; 20]].concat()]);
    let store = peer.store(URL);
    let _first = lease(&store).await;
    let _second = lease(&store).await;
    let error = begin(&store).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("loading"), "{error}");
}

#[tokio::test]
async fn a_server_that_was_just_connected_to_is_believed() {
    let replica = Step::Reply("-READONLY You can't write against a read only replica.\r\n");
    let peer = Peer::following([vec![replica]]);
    let error = begin(&peer.store(URL)).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("read-only replica"), "{error}");
}

#[tokio::test]
async fn a_whole_map_that_takes_its_time_delays_no_small_call() {
    // The first connection never answers what it is asked for.
    let peer = Peer::following([vec![], vec![GO]]);
    let cache: Name = "airlines".parse().unwrap();
    let store = peer.store("redis://peer?response_timeout=100ms");
    let reading = tokio::spawn({
        let (store, cache) = (store.clone(), cache.clone());
        async move { store.whole(&cache).await.map(drop) }
    });
    peer.until(|| !peer.commands(&["MULTI"]).is_empty()).await;
    let _lease = lease(&store).await;
    let error = reading.await.unwrap().unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error}");
}

#[tokio::test]
async fn both_connections_lead_to_the_same_server() {
    let replica = Step::Reply("-READONLY You can't write against a read only replica.\r\n");
    let text = Step::Reply("$1\r\nx\r\n");
    let peer = Peer::following([vec![text], vec![GO, replica], vec![GO], vec![text]]);
    let store = peer.store("redis://peer?response_timeout=1s");
    let whole_map = || store.server.command_on(Lane::Bulk, redis::cmd("GET"));
    whole_map().await.unwrap();
    let _first = lease(&store).await;
    let _second = lease(&store).await;
    whole_map().await.unwrap();
    assert_eq!(*peer.open.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_subscription_that_is_not_answered_is_given_up() {
    let peer = Peer::following([vec![]]);
    let store = peer.store("redis://peer?response_timeout=50ms");
    let Err(error) = store.asks(&["airlines".parse().unwrap()]).await else { panic!("nobody has answered") };
    assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error}");
}
