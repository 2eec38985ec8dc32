//! A gate in front of a server: it lets one request after the other through, counts them, and strikes at one of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::request::{Values, next_request};

/// What happens at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection breaks before the request is there.
    LosesRequest,
    /// The server does what it is asked, and the connection breaks before it says so.
    LosesReply,
    /// The same, and once more when it is asked again.
    LosesReplies,
    /// The host is dead before it asks: nothing gets through any more.
    Kills,
    /// The server's memory is full from now on.
    FillsMemory,
    /// The server has lost everything.
    Flushes,
}

pub(super) struct Gate {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    target: u16,
    fault: Fault,
    at: usize,
    requests: AtomicUsize,
    is_closed: AtomicBool,
}

impl Gate {
    /// In front of this server, to strike at the request with this number. The first is 1, and what sets a connection up
    /// does not count.
    pub(super) async fn with(fault: Fault, at: usize, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, is_closed) = Default::default();
        let state = Arc::new(State { target, fault, at, requests, is_closed });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                passing.spawn(async move { state.pass(near).await });
            }
        });
        Self { port, state, accepting }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Whether there were as many requests.
    pub(super) fn has_struck(&self) -> bool {
        self.state.requests.load(Ordering::SeqCst) >= self.state.at
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// Passes on what a client asks and what the server answers, until either leaves or the gate strikes.
    async fn pass(&self, near: TcpStream) -> io::Result<()> {
        let (asked, mut answer) = near.into_split();
        let (answered, mut ask) = TcpStream::connect(("127.0.0.1", self.target)).await?.into_split();
        let (mut asked, mut answered) = (Values::of(asked), Values::of(answered));
        while let Some(request) = next_request(&mut asked).await? {
            let fault = if request.sets_up { None } else { self.next_fault() };
            match fault {
                Some(Fault::Kills) => self.is_closed.store(true, Ordering::SeqCst),
                Some(Fault::FillsMemory) => self.tell_server("CONFIG SET maxmemory 1").await?,
                Some(Fault::Flushes) => self.tell_server("FLUSHALL").await?,
                Some(Fault::LosesRequest) => return Ok(()),
                Some(Fault::LosesReply | Fault::LosesReplies) | None => {}
            }
            if self.is_closed.load(Ordering::SeqCst) {
                return Ok(());
            }
            ask.write_all(&request.bytes).await?;
            let mut replies = Vec::new();
            for _ in 0..request.commands {
                replies.extend(answered.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
            if matches!(fault, Some(Fault::LosesReply | Fault::LosesReplies)) {
                return Ok(());
            }
            answer.write_all(&replies).await?;
        }
        Ok(())
    }

    /// Counts a request, and gives what happens at it.
    fn next_fault(&self) -> Option<Fault> {
        let times = if self.fault == Fault::LosesReplies { 2 } else { 1 };
        let request = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        (self.at..self.at + times).contains(&request).then_some(self.fault)
    }

    async fn tell_server(&self, command: &str) -> io::Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.target)).await?;
        server.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut reply = [0; 5];
        server.read_exact(&mut reply).await?;
        assert_eq!(&reply, b"+OK\r\n", "{command}");
        Ok(())
    }
}
