//! wasi:http for guests that bring their own HTTP: the same client, grants and limits as
//! `kiwi:loader/http`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::refusals::Refusals;
use crate::failure::{Failure, FailureKind};
use crate::outside::http::{Allowance, Body, HttpClient, Place, Request, Response};

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The largest body of a request: it is held in memory, and counts as memory of the load.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// Sends a guest's requests through the cache's client.
pub(super) struct Hooks {
    client: Arc<HttpClient>,
    allowance: Allowance,
    refusals: Refusals,
}

/// A failure as the guest sees it, kept where it is the operator's business: wasi:http has no text for it.
fn told(failure: Failure, refusals: &Refusals) -> Error {
    let error = error_of(&failure);
    if matches!(failure.kind, FailureKind::Denied | FailureKind::Limit) {
        refusals.keep(failure);
    }
    error
}

impl Hooks {
    pub(super) fn new(client: Arc<HttpClient>, allowance: Allowance, refusals: Refusals) -> Self {
        Self { client, allowance, refusals }
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send> {
        let (client, allowance, refusals) = (self.client.clone(), self.allowance.clone(), self.refusals.clone());
        Box::new(async move {
            // Before the body is taken in: a guest without a grant must not fill the host's memory.
            let place = client.admit(&request.uri().to_string(), &allowance);
            let mut place = place.map_err(|failure| told(failure, &refusals))?;
            let request = understood(request, options, &mut place, &refusals).await?;
            let answer = client.send_from(place, request, &allowance).await;
            let answer = answer.map_err(|failure| told(failure, &refusals))?;
            let io: Io = Box::new(async { Ok(()) });
            Ok((response(answer, refusals), io))
        })
    }
}

async fn understood(
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    place: &mut Place,
    refusals: &Refusals,
) -> Result<Request, Error> {
    let (head, body) = request.into_parts();
    let body = whole(body, place, refusals).await?;
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
    Ok(Request {
        method: head.method.to_string(),
        url: head.uri.to_string(),
        headers: head.headers.iter().map(header).collect(),
        body: (!body.is_empty()).then_some(body),
        timeout: options.and_then(|options| options.first_byte_timeout),
    })
}

/// The body of a request, whose memory is counted while it comes.
async fn whole(mut body: WasiBody, place: &mut Place, refusals: &Refusals) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if whole.len() + data.len() > MAX_REQUEST_BYTES {
            return Err(Error::HttpRequestBodySize(None));
        }
        place.hold((whole.len() + data.len()) as u64).map_err(|failure| {
            refusals.keep(failure);
            Error::HttpRequestBodySize(None)
        })?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

fn response(answer: Response, refusals: Refusals) -> http::Response<WasiBody> {
    let mut response = http::Response::new(streamed(answer.body, refusals));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

fn streamed(body: Body, refusals: Refusals) -> WasiBody {
    let frames = stream::try_unfold((body, refusals), |(mut body, refusals)| async move {
        let next: Option<Bytes> = body.next().await.map_err(|failure| told(failure, &refusals))?;
        Ok(next.map(|bytes| (http_body::Frame::data(bytes), (body, refusals))))
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
