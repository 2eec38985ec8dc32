//! wasi:http for guests that bring their own HTTP: the same door, grants and limits as
//! `kiwi:loader/http`.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::failure::{Failure, FailureKind};
use crate::http::{Answer, Body, Door, Request};

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// A request body that a guest sends is held in memory: the largest.
const MOST_REQUEST_BYTES: usize = 16 << 20;

/// Sends a guest's requests through the cache's door.
pub(super) struct Hooks {
    door: Arc<Door>,
    most_bytes: u64,
    /// The first refusal of a grant. wasi:http has no text for it, so the load's error brings it.
    denied: Arc<Mutex<Option<Failure>>>,
}

impl Hooks {
    pub(super) fn new(door: Arc<Door>, most_bytes: u64) -> Self {
        Self { door, most_bytes, denied: Arc::default() }
    }

    pub(super) fn denied(&self) -> Option<Failure> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send> {
        let (door, most_bytes, denied) = (self.door.clone(), self.most_bytes, self.denied.clone());
        Box::new(async move {
            let request = understood(request, options).await?;
            let answer = door.send(request, most_bytes).await.map_err(|failure| {
                let error = error_of(&failure);
                if failure.kind == FailureKind::Denied {
                    denied.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                }
                error
            })?;
            let io: Io = Box::new(async { Ok(()) });
            Ok((response(answer), io))
        })
    }
}

async fn understood(request: http::Request<WasiBody>, options: Option<RequestOptions>) -> Result<Request, Error> {
    let (head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, MOST_REQUEST_BYTES)
        .collect()
        .await
        .map_err(|_| Error::HttpRequestBodySize(None))?
        .to_bytes();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
    Ok(Request {
        method: head.method.to_string(),
        url: head.uri.to_string(),
        headers: head.headers.iter().map(header).collect(),
        body: (!body.is_empty()).then(|| body.to_vec()),
        timeout: options.and_then(|options| options.first_byte_timeout),
    })
}

fn response(answer: Answer) -> http::Response<WasiBody> {
    let mut response = http::Response::new(streamed(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

fn streamed(body: Body) -> WasiBody {
    let frames = stream::try_unfold(body, |mut body| async move {
        let next: Option<Bytes> = body.next().await.map_err(|failure| error_of(&failure))?;
        Ok(next.map(|bytes| (http_body::Frame::data(bytes), body)))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn error_of(failure: &Failure) -> Error {
    match failure.kind {
        FailureKind::Denied => Error::HttpRequestDenied,
        FailureKind::InvalidSettings => Error::HttpRequestUriInvalid,
        FailureKind::Unavailable => Error::DestinationUnavailable,
        FailureKind::Limit => Error::HttpResponseBodySize(None),
        _ => Error::InternalError(Some(failure.message.clone())),
    }
}
