//! A small HTTP proxy: it tunnels what is asked for by CONNECT, and passes on plain requests. Every name leads to this
//! machine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::server::raw_server;

/// A proxy on 127.0.0.1. It stops when it is dropped.
pub(crate) struct TestProxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl TestProxy {
    /// One that lets everybody through, or only those who send this as `proxy-authorization`.
    pub(crate) async fn start(authorization: Option<&str>) -> Self {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, authorization) = (seen.clone(), authorization.map(ToOwned::to_owned));
        let (address, accepting) = raw_server(move |stream| {
            let (kept, authorization) = (kept.clone(), authorization.clone());
            async move {
                // A client or a server that goes away is the test's business.
                let _ = serve(stream, &kept, authorization.as_deref()).await;
            }
        })
        .await;
        Self { address, seen, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far, and of plain requests all that came with them.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, seen: &Mutex<Vec<String>>, authorization: Option<&str>) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    seen.lock().unwrap().push(text.clone());
    let given = text
        .lines()
        .find_map(|line| line.strip_prefix("proxy-authorization: ").or(line.strip_prefix("Proxy-Authorization: ")));
    if authorization.is_some() && given != authorization {
        return client.write_all(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").await;
    }
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        let (_, rest) = text.split_once('\n').unwrap_or_default();
        let rest: String =
            rest.split_inclusive('\n').filter(|line| !line.to_lowercase().starts_with("proxy-")).collect();
        server.write_all(format!("{method} /{path} HTTP/1.1\r\n{rest}").as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
