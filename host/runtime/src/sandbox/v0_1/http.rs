//! `kiwi:loader/http`: the client, as guests see it.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::kiwi::loader::entries::LoadError;
use super::bindings::kiwi::loader::http as wit;
use super::errors::load_error;
use crate::failure::{Failure, FailureKind};
use crate::outside::http::{Request, Response as HostResponse};
use crate::sandbox::response::Response;
use crate::sandbox::state::State;

impl State {
    async fn send(&mut self, request: Request) -> std::result::Result<Resource<Response>, Failure> {
        let HostResponse { status, url, headers, body } = self.client.send(request, &self.allowance).await?;
        let response = Response { status: status.as_u16(), url: url.to_string(), headers, body };
        self.table
            .push(response)
            .map_err(|error| Failure::limit("open_responses", format!("the plugin holds too many responses: {error}")))
    }

    /// A denied address and a limit are the operator's business: they stand, whatever the guest
    /// makes of them. Anything else a guest may try again.
    pub(super) fn answered<T>(&mut self, result: std::result::Result<T, Failure>) -> std::result::Result<T, LoadError> {
        result.map_err(|failure| match failure.kind {
            FailureKind::Denied | FailureKind::Limit => load_error(self.refuse(failure)),
            _ => load_error(failure),
        })
    }
}

impl wit::Host for State {
    async fn send(&mut self, request: wit::Request) -> Result<std::result::Result<Resource<Response>, LoadError>> {
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            body: request.body.map(Into::into),
            timeout: request.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
        };
        let result = State::send(self, request).await;
        Ok(self.answered(result))
    }
}

impl wit::HostResponse for State {
    async fn status(&mut self, response: Resource<Response>) -> Result<u16> {
        Ok(self.table.get(&response)?.status)
    }

    async fn url(&mut self, response: Resource<Response>) -> Result<String> {
        Ok(self.table.get(&response)?.url.clone())
    }

    async fn header(&mut self, response: Resource<Response>, name: String) -> Result<Option<String>> {
        let headers = &self.table.get(&response)?.headers;
        Ok(headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }

    async fn headers(&mut self, response: Resource<Response>) -> Result<Vec<(String, String)>> {
        let headers = &self.table.get(&response)?.headers;
        let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(headers.iter().map(text).collect())
    }

    async fn read(
        &mut self,
        response: Resource<Response>,
        max: u32,
    ) -> Result<std::result::Result<Option<Vec<u8>>, LoadError>> {
        let max = max.min(self.max_read());
        let read = self.table.get_mut(&response)?.body.read(max).await;
        Ok(self.answered(read.map(|bytes| bytes.map(Vec::from))))
    }

    async fn read_text(
        &mut self,
        response: Resource<Response>,
        max: u32,
    ) -> Result<std::result::Result<Option<String>, LoadError>> {
        let max = max.min(self.max_read());
        let read = self.table.get_mut(&response)?.body.read_text(max).await;
        Ok(self.answered(read))
    }

    async fn drop(&mut self, response: Resource<Response>) -> Result<()> {
        self.table.delete(response)?;
        Ok(())
    }
}

impl State {
    /// A guest may ask for 4 GiB at once; what it gets in one piece is held in the host's memory.
    fn max_read(&self) -> u32 {
        const MOST: u64 = 4 << 20;
        u32::try_from(MOST.min(self.limits.hostcall_bytes)).unwrap_or(u32::MAX)
    }
}
