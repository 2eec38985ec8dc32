//! wasi:http for guests that bring their own HTTP: the same client, grants and limits as
//! `kiwi:loader/http`.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::failure::{Failure, FailureKind};
use crate::outside::http::{Allowance, Body, HttpClient, Request, Response};

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// A request body that a guest sends is held in memory: the largest.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// Sends a guest's requests through the cache's client.
pub(super) struct Hooks {
    client: Arc<HttpClient>,
    allowance: Allowance,
    refused: Refused,
}

/// The first denied address or hit limit. wasi:http has no text for it, so the load's error brings it.
#[derive(Clone, Default)]
struct Refused(Arc<Mutex<Option<Failure>>>);

impl Refused {
    /// A failure as the guest sees it, kept where it is the operator's business.
    fn keep(&self, failure: Failure) -> Error {
        let error = error_of(&failure);
        if matches!(failure.kind, FailureKind::Denied | FailureKind::Limit) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        }
        error
    }
}

impl Hooks {
    pub(super) fn new(client: Arc<HttpClient>, allowance: Allowance) -> Self {
        Self { client, allowance, refused: Refused::default() }
    }

    /// The first refusal, if there was one.
    pub(super) fn refused(&self) -> Option<Failure> {
        self.refused.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send> {
        let (client, allowance, refused) = (self.client.clone(), self.allowance.clone(), self.refused.clone());
        Box::new(async move {
            // Before the body is taken in: a guest without a grant must not fill the host's memory.
            let place =
                client.admit(&request.uri().to_string(), &allowance).map_err(|failure| refused.keep(failure))?;
            let request = understood(request, options).await?;
            let answer = client.send_from(place, request, &allowance).await.map_err(|failure| refused.keep(failure))?;
            let io: Io = Box::new(async { Ok(()) });
            Ok((response(answer, refused), io))
        })
    }
}

async fn understood(request: http::Request<WasiBody>, options: Option<RequestOptions>) -> Result<Request, Error> {
    let (head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, MAX_REQUEST_BYTES)
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

fn response(answer: Response, refused: Refused) -> http::Response<WasiBody> {
    let mut response = http::Response::new(streamed(answer.body, refused));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

fn streamed(body: Body, refused: Refused) -> WasiBody {
    let frames = stream::try_unfold((body, refused), |(mut body, refused)| async move {
        let next: Option<Bytes> = body.next().await.map_err(|failure| refused.keep(failure))?;
        Ok(next.map(|bytes| (http_body::Frame::data(bytes), (body, refused))))
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
