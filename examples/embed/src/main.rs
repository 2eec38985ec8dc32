//! A service that keeps its own reference data warm: kiwi-host inside axum, with a loader in plain Rust.
//!
//! ```console
//! $ REDIS_URL=redis://127.0.0.1:6379 LISTEN=127.0.0.1:8080 cargo run
//! $ curl -i http://127.0.0.1:8080/airlines/FR
//! ```
//!
//! Run it twice on one Redis: one of the two loads, and both serve. `kiwi-host status` and every other reader
//! see the airlines too.

mod airlines;

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use kiwi_cache::Cache;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use airlines::Airline;

/// How long a load in progress may take when the service shuts down.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let variable = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let redis = variable("REDIS_URL", "redis://127.0.0.1:6379");
    let csv = variable("AIRLINES", concat!(env!("CARGO_MANIFEST_DIR"), "/../data/airlines.csv"));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);

    let (host, airlines) = airlines::warm(&redis, csv.into()).await?;
    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:8080")).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let router = Router::new().route("/airlines/{code}", get(airline)).with_state(airlines);

    // The service and the host shut down together, each after what it has in progress.
    let stop = CancellationToken::new();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let stopping = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    };
    let (served, (), ()) = tokio::join!(serving.into_future(), host.run(stop.cancelled(), DRAIN_TIMEOUT), stopping);
    Ok(served?)
}

/// One airline, from memory. Only a service that has just started and found nothing in Redis waits here, for the
/// first load of its own host.
async fn airline(Path(code): Path<String>, State(airlines): State<Cache<Airline>>) -> Response {
    let found = match airlines.get_or_refill(&code).await {
        Ok(found) => found,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    };
    let headers = [
        ("x-kiwi-seq", airlines.seq().unwrap_or_default().to_string()),
        ("x-kiwi-age", format!("{:.1}", airlines.age().unwrap_or_default().as_secs_f64())),
        ("x-kiwi-state", format!("{:?}", airlines.state()).to_lowercase()),
    ];
    match found {
        Some(airline) => (headers, Json(&*airline)).into_response(),
        None => (StatusCode::NOT_FOUND, headers, "no airline has this code\n").into_response(),
    }
}
