//! A real HTTP server on a free port of this machine, and one that answers in raw bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What a server answers with.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer with all of its body.
pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).boxed_unsync();
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(body).unwrap()
}

/// An answer whose body comes when it is ready.
pub(crate) fn later(body: impl Future<Output = String> + Send + 'static) -> Response<Body> {
    let once = futures_util::stream::once(async move { Ok(Frame::data(Bytes::from(body.await))) });
    Response::new(StreamBody::new(once).boxed_unsync())
}

/// What holds answers back until it is opened, for good.
#[derive(Clone, Default)]
pub(crate) struct Gate(CancellationToken);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.cancel();
    }

    /// An answer whose body comes when the gate is open.
    pub(crate) fn holds(&self, body: &str) -> Response<Body> {
        let (opened, body) = (self.0.clone(), body.to_owned());
        later(async move {
            opened.cancelled().await;
            body
        })
    }
}

/// An answer whose body comes byte by byte, without end.
pub(crate) fn trickle(pause: Duration) -> Response<Body> {
    let bytes = futures_util::stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Ok(Frame::data(Bytes::from_static(b"x"))), ()))
    });
    Response::new(StreamBody::new(bytes).boxed_unsync())
}

/// An answer whose body comes as fast as it is read, without end.
pub(crate) fn endless() -> Response<Body> {
    let blocks = futures_util::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 4096]))));
    Response::new(StreamBody::new(blocks).boxed_unsync())
}

/// The head of a request, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

/// An HTTP server. It stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Head>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves on 127.0.0.1 what `answer` makes of the head of each request.
    pub(crate) async fn start(
        answer: impl Fn(&http::request::Parts) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let requests: Arc<Mutex<Vec<Head>>> = Arc::default();
        let (kept, answer) = (requests.clone(), Arc::new(answer));
        let (address, accepting) = raw_server(move |stream| {
            let (kept, answer) = (kept.clone(), answer.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (head, _) = request.into_parts();
                let answered = answer(&head);
                kept.lock().unwrap().push(Head {
                    at: Instant::now(),
                    path: head.uri.path().to_owned(),
                    headers: head.headers,
                });
                async move { Ok::<_, Infallible>(answered) }
            });
            async move {
                // A client that goes away early is the test's business.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await;
        Self { address, requests, accepting }
    }

    /// What a grant names.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Head> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves connections on 127.0.0.1 until the handle is aborted.
pub(crate) async fn raw_server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        // Connections end with the server.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream));
        }
    });
    (address, accepting)
}
