//! Whatever a refill asks of its server, something goes wrong there: at its first request, at its second, and so on until
//! it needs no more of them. What it publishes, and what a reader sees meanwhile, is right all the same.

mod gate;
mod host;
mod request;
mod scene;
mod work;

use gate::{Fault, Gate};
use host::Trouble;
use scene::Scene;
use work::Work;

use super::*;

/// A host that was killed keeps others waiting for so long, and so does one that never learns that the lease is its own.
const SHORT_LEASE_TTL: Duration = Duration::from_millis(60);

/// Strikes at each request of each work.
async fn strike(fault: Fault, then: impl AsyncFn(&Scene, Result<(), Trouble>)) {
    let strike_at_all = async |work| {
        let mut scene = Scene::of(work);
        for at in 1.. {
            scene.prepare(format!("{fault:?} at request {at} of {work:?}")).await;
            let gate = Gate::with(fault, at, scene.server.port()).await;
            let store = open(&gate.url());
            let may_keep_lease = matches!(fault, Fault::Kills | Fault::LosesReplies);
            let lease_ttl = if may_keep_lease { SHORT_LEASE_TTL } else { LEASE_TTL };
            let host = scene.host(&store, lease_ttl);
            let ended = tokio::select! {
                ended = host.refill(work) => ended,
                () = scene.watch(), if fault == Fault::LosesReply => unreachable!("it watches for ever"),
            };
            if !gate.has_struck() {
                assert!(ended.is_ok() && at > 3, "{ended:?} after {at} requests of {work:?}");
                break;
            }
            drop(store);
            then(&scene, ended).await;
        }
    };
    futures_util::future::join_all(Work::ALL.map(strike_at_all)).await;
}

#[tokio::test]
async fn a_request_is_lost() {
    strike(Fault::LosesRequest, after_a_loss).await;
}

#[tokio::test]
async fn a_reply_is_lost() {
    strike(Fault::LosesReply, after_a_loss).await;
}

#[tokio::test]
async fn a_reply_is_lost_and_the_next_one_too() {
    strike(Fault::LosesReplies, after_a_loss).await;
}

/// The refill has asked again, or the next one publishes. Above all, no other host is blamed.
async fn after_a_loss(scene: &Scene, ended: Result<(), Trouble>) {
    match ended {
        Ok(()) => {}
        Err(Trouble::Store(error)) if error.is_unavailable() => scene.refill_when_free().await,
        Err(trouble) => panic!("{}: {trouble:?}", scene.at),
    }
    scene.is_done().await;
}

#[tokio::test]
async fn a_host_is_killed() {
    strike(Fault::Kills, async |scene, ended| {
        assert!(matches!(&ended, Err(Trouble::Store(error)) if error.is_unavailable()), "{}: {ended:?}", scene.at);
        assert!(scene.look().await.is_some() || scene.work.before().is_none(), "{}", scene.at);
        scene.refill_when_free().await;
        scene.is_done().await;
    })
    .await;
}

#[tokio::test]
async fn the_memory_is_full() {
    strike(Fault::FillsMemory, async |scene, ended| {
        match ended {
            Ok(()) => {}
            Err(Trouble::Store(error)) if error.is_full() => {}
            Err(trouble) => panic!("{}: {trouble:?}", scene.at),
        }
        assert!(scene.look().await.is_some() || scene.work.before().is_none(), "{}", scene.at);
        let _: () = scene.server.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
        // The lease was given back.
        scene.refill().await.unwrap();
        scene.is_done().await;
    })
    .await;
}

#[tokio::test]
async fn everything_is_flushed() {
    strike(Fault::Flushes, async |scene, ended| {
        // Nothing is published of which some was lost.
        let is_gone = scene.look().await.is_none();
        if ended.is_err() || is_gone {
            scene.refill().await.unwrap();
        }
        scene.is_done().await;
    })
    .await;
}
