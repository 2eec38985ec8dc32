//! The connection that listens for new snapshots: one for a process, and rebuilt whenever it is lost.

use std::io;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use kiwi_store::{Hint, Hints, Subscription};

use super::*;

/// How many connections of the server have subscribed to channels.
fn subscribers(server: &RedisServer) -> usize {
    server.command::<String>(&["CLIENT", "LIST", "TYPE", "PUBSUB"]).unwrap().lines().count()
}

async fn subscribe(server: &RedisServer, cache: &str) -> Subscription {
    let mut subscription = open(&server.url()).subscribe(&name(cache)).await.unwrap();
    hint_is(&mut subscription, Hint::Unknown).await;
    subscription
}

async fn hint_is(subscription: &mut Subscription, expected: Hint) {
    let hint = tokio::time::timeout(Duration::from_secs(60), subscription.next()).await;
    assert_eq!(hint.expect("there is a hint"), expected);
}

fn say(server: &RedisServer, channel: &str, message: &str) {
    server.command::<i64>(&["PUBLISH", channel, message]).unwrap();
}

#[tokio::test]
async fn all_subscriptions_of_a_process_share_one_connection() {
    let server = RedisServer::start();
    let stores: Vec<Redis> = (0..20).map(|_| open(&server.url())).collect();
    let caches: Vec<Name> = (0..20).map(|n| name(&format!("cache-{n}"))).collect();
    let subscribing = stores.iter().flat_map(|store| caches.iter().map(|cache| store.subscribe(cache)));
    let mut subscriptions: Vec<Subscription> = join_all(subscribing).await.into_iter().map(Result::unwrap).collect();
    let channels = || server.command::<Vec<String>>(&["PUBSUB", "CHANNELS"]).unwrap().len();
    eventually("it listens to all channels", || async { channels() == 20 }).await;
    assert_eq!(subscribers(&server), 1);
    let ids: Vec<Id> = caches.iter().map(|_| Id::random()).collect();
    for (cache, id) in caches.iter().zip(&ids) {
        say(&server, &format!("kiwi:{cache}:changed"), &id.to_string());
    }
    for (subscription, id) in subscriptions.iter_mut().zip(ids.iter().cycle()) {
        // Those who were there before the channel was subscribed to may have missed something.
        while subscription.next().await != Hint::published(*id) {}
    }

    // Nobody follows these any more: the server need not send what is published there.
    subscriptions.truncate(5);
    eventually("the channels that nobody listens to are left", || {
        caches.iter().for_each(|cache| say(&server, &format!("kiwi:{cache}:changed"), ""));
        async { channels() == 5 }
    })
    .await;
    drop(subscriptions);
    eventually("the connection is closed", || async { subscribers(&server) == 0 }).await;
}

#[tokio::test]
async fn another_user_or_prefix_is_another_subscriber() {
    let server = RedisServer::start();
    let mut default = subscribe(&server, "airlines").await;
    server.command::<()>(&["ACL", "SETUSER", "bob", "on", ">pw", "~*", "&*", "+@all"]).unwrap();
    let bob = open(&server.url().replace("//", "//bob:pw@"));
    let mut bobs = bob.subscribe(&name("airlines")).await.unwrap();
    hint_is(&mut bobs, Hint::Unknown).await;
    assert_eq!(subscribers(&server), 2);

    let StoreUrl::Redis(options) = server.url().parse().unwrap() else { panic!("it is a Redis") };
    let european = Redis::open(&options.with_key_prefix("eu:").unwrap()).unwrap();
    let mut european = european.subscribe(&name("airlines")).await.unwrap();
    hint_is(&mut european, Hint::Unknown).await;
    assert_eq!(subscribers(&server), 2, "a prefix needs no connection of its own");
    let [ours, theirs] = [Id::random(), Id::random()];
    say(&server, "eu:airlines:changed", &theirs.to_string());
    say(&server, "kiwi:airlines:changed", &ours.to_string());
    hint_is(&mut european, Hint::published(theirs)).await;
    hint_is(&mut default, Hint::published(ours)).await;
    hint_is(&mut bobs, Hint::published(ours)).await;
}

#[tokio::test]
async fn a_connection_that_is_lost_is_opened_again_and_whoever_listens_learns_of_it() {
    let mut server = RedisServer::start();
    let mut subscriptions = [subscribe(&server, "airlines").await, subscribe(&server, "rates").await];
    server.command::<i64>(&["CLIENT", "KILL", "TYPE", "PUBSUB"]).unwrap();
    for subscription in &mut subscriptions {
        hint_is(subscription, Hint::Unknown).await;
    }
    assert_eq!(subscribers(&server), 1);

    server.restart();
    assert!(server.is_ready());
    for subscription in &mut subscriptions {
        hint_is(subscription, Hint::Unknown).await;
    }
    let id = refill(&open(&server.url()), &name("rates"), &map(&[("EUR", "1")])).await;
    hint_is(&mut subscriptions[1], Hint::published(id)).await;
}

#[tokio::test]
async fn whatever_is_said_on_the_channel_is_a_hint_and_nothing_more() {
    let server = RedisServer::start();
    let mut airlines = subscribe(&server, "airlines").await;
    let huge = "9".repeat(1 << 20);
    for garbage in ["", "?", "\u{fffd}\0", &huge, "0123456789abcdef0123456789abcdeg"] {
        say(&server, "kiwi:airlines:changed", garbage);
        hint_is(&mut airlines, Hint::Unknown).await;
    }
    let forged = Id::random();
    for _ in 0..2 {
        say(&server, "kiwi:airlines:changed", &forged.to_string());
        hint_is(&mut airlines, Hint::published(forged)).await;
    }
    for _ in 0..2_000 {
        say(&server, "kiwi:airlines:changed", "flood");
    }
    let last = Id::random();
    say(&server, "kiwi:airlines:changed", &last.to_string());
    let mut hints = 0;
    while airlines.next().await != Hint::published(last) {
        hints += 1;
    }
    assert!(hints <= 2_000, "{hints}");
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_channel_that_is_denied_is_logged_once_and_the_others_are_heard() {
    let log = Log::default();
    // For all threads: the listener has one of its own.
    let writer = log.clone();
    let _ = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).try_init();
    let server = RedisServer::start();
    let rules =
        ["ACL", "SETUSER", "reader", "on", ">s3cret", "~kiwi:*", "resetchannels", "&kiwi:rates:changed", "+@all"];
    server.command::<()>(&rules).unwrap();
    let store = open(&server.url().replace("//", "//reader:s3cret@"));
    let mut denied = store.subscribe(&name("airlines")).await.unwrap();
    let _also_denied = store.subscribe(&name("fees")).await.unwrap();
    let mut rates = store.subscribe(&name("rates")).await.unwrap();
    hint_is(&mut rates, Hint::Unknown).await;
    let id = Id::random();
    say(&server, "kiwi:airlines:changed", &id.to_string());
    say(&server, "kiwi:rates:changed", &id.to_string());
    hint_is(&mut rates, Hint::published(id)).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), denied.next()).await.is_err());

    // A new connection tries it again, and logs nothing new.
    server.command::<i64>(&["CLIENT", "KILL", "TYPE", "PUBSUB"]).unwrap();
    hint_is(&mut rates, Hint::Unknown).await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = logged.lines().filter(|line| line.contains("not permitted to listen")).collect();
    assert!(lines.len() == 1 && lines[0].contains("ACL SETUSER reader ~kiwi:* &kiwi:*"), "{logged}");
    assert!(!logged.contains("s3cret"), "{logged}");
}

#[tokio::test]
async fn the_processes_that_listen_are_counted_if_the_user_may() {
    let server = RedisServer::start();
    let (store, cache) = (open(&server.url()), name("airlines"));
    assert_eq!(store.subscribers(&cache).await.unwrap(), 1, "whoever asks is there");
    let _subscriptions = [subscribe(&server, "airlines").await, store.subscribe(&cache).await.unwrap()];
    assert_eq!(store.subscribers(&cache).await.unwrap(), 1, "one process");
    let mut others: Vec<_> =
        (0..3).map(|_| redis::Client::open(server.url()).unwrap().get_connection().unwrap()).collect();
    let _others: Vec<_> = others
        .iter_mut()
        .map(|other| {
            let mut subscription = other.as_pubsub();
            subscription.subscribe("kiwi:airlines:changed").unwrap();
            subscription
        })
        .collect();
    assert_eq!(store.subscribers(&cache).await.unwrap(), 4);
    assert_eq!(store.subscribers(&name("rates")).await.unwrap(), 1);

    let rules = ["ACL", "SETUSER", "reader", "on", ">pw", "~kiwi:*", "&kiwi:*", "+@all", "-pubsub"];
    server.command::<()>(&rules).unwrap();
    let reader = open(&server.url().replace("//", "//reader:pw@"));
    assert!(reader.subscribers(&cache).await.unwrap_err().is_denied());
    server.command::<()>(&["ACL", "SETUSER", "reader", "+pubsub|numsub"]).unwrap();
    assert_eq!(reader.subscribers(&cache).await.unwrap(), 4);
}
