//! wasi:sockets, which no grant allows: a guest gets no socket, and its load says what to use instead.

use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{ip_name_lookup, network, tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, Network, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use super::refusals::SocketAttempt;
use super::state::State;
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// The longest name of a host.
const NAME_BYTES: usize = 253;

/// Refuses what a socket begins with. Shadows what WASI has linked before, which refuses it as well, and tells nobody.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<_, HasSelf<_>>(linker, |state: &mut State| state)?;
    udp_create_socket::add_to_linker::<_, HasSelf<_>>(linker, |state: &mut State| state)?;
    ip_name_lookup::add_to_linker::<_, HasSelf<_>>(linker, |state: &mut State| state)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl State {
    fn refuse_socket(&mut self, attempt: SocketAttempt) -> SocketError {
        self.tried_socket.get_or_insert(attempt);
        ErrorCode::AccessDenied.into()
    }

    /// The failure of a load whose guest has tried to use a socket. An attempt alone is not a failure: some runtimes make
    /// one and do without.
    pub(super) fn explain_socket(&self, failure: Failure) -> Failure {
        let Some(attempt) = &self.tried_socket else { return failure };
        if matches!(failure.kind, FailureKind::Limit | FailureKind::InvalidEntry | FailureKind::Contract) {
            return failure;
        }
        let (tried, grant) = match attempt {
            SocketAttempt::LookUp(name) => (format!("a socket to `{name}`"), format!("https://{name}")),
            SocketAttempt::Create => ("a socket".to_owned(), "https://...".to_owned()),
        };
        let message = format!(
            "the plugin tried to open {tried}, and sockets are never granted: build it to use HTTP (`kiwi:loader/http` or \
             `wasi:http`), and add `http = [\"{grant}\"]` to this cache's grants; it failed with: {}",
            failure.message
        );
        Failure { kind: FailureKind::Denied, message, ..failure }
    }
}

/// What the interfaces below ask for: errors are told as WASI tells them.
impl network::Host for State {
    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }

    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }
}

impl network::HostNetwork for State {
    fn drop(&mut self, network: Resource<Network>) -> Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for State {
    fn create_tcp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        Err(self.refuse_socket(SocketAttempt::Create))
    }
}

impl udp_create_socket::Host for State {
    async fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(self.refuse_socket(SocketAttempt::Create))
    }
}

impl ip_name_lookup::Host for State {
    fn resolve_addresses(
        &mut self,
        _: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        Err(self.refuse_socket(SocketAttempt::LookUp(printable::line(&name, NAME_BYTES))))
    }
}

/// Never called: no look-up is ever begun.
impl ip_name_lookup::HostResolveAddressStream for State {
    fn resolve_next_address(&mut self, stream: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        self.sockets().resolve_next_address(stream)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> Result<Resource<DynPollable>> {
        self.sockets().subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets(), stream)
    }
}
