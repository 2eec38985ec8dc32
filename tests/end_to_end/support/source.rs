//! A slow source: an HTTP server that delays each answer, and records who loads from it and when.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running source. Each answer is `{"load": {"number": N}}`, where N counts the loads.
pub(crate) struct Source {
    address: SocketAddr,
    loads: Arc<Mutex<Loads>>,
}

/// The loads so far.
#[derive(Clone, Default)]
pub(crate) struct Loads {
    /// All loads that have started, in order.
    started: Vec<Load>,
    /// How many are in flight.
    pub(crate) in_flight: u32,
    /// The most that were ever in flight at the same time.
    pub(crate) max_in_flight: u32,
}

/// One load.
#[derive(Clone)]
pub(crate) struct Load {
    /// Who loads.
    pub(crate) who: String,
    /// When it started.
    pub(crate) at: Instant,
}

impl Loads {
    /// How many have started.
    pub(crate) fn started(&self) -> usize {
        self.started.len()
    }

    /// How many of them are by this client.
    pub(crate) fn of(&self, who: &str) -> u32 {
        self.started.iter().map(|load| u32::from(load.who == who)).sum()
    }

    /// The load whose answer has this number.
    pub(crate) fn number(&self, number: u32) -> &Load {
        &self.started[number as usize - 1]
    }
}

impl Source {
    /// Starts a source that takes this long for each answer. It ends with the test's process.
    pub(crate) fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let source = Self { address: listener.local_addr().expect("its address"), loads: Arc::default() };
        let loads = Arc::clone(&source.loads);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let loads = Arc::clone(&loads);
                // A client may be killed meanwhile, so errors are ignored.
                std::thread::spawn(move || answer(&client, &loads, takes));
            }
        });
        source
    }

    /// The URL for a client of this name.
    pub(crate) fn url(&self, who: &str) -> String {
        format!("{}/{who}", self.origin())
    }

    /// The origin, as in a grant.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The loads so far.
    pub(crate) fn loads(&self) -> Loads {
        self.loads.lock().expect("no thread panics while it holds this").clone()
    }
}

fn answer(mut client: &TcpStream, loads: &Mutex<Loads>, takes: Duration) -> Result<()> {
    let loads = || loads.lock().expect("no thread panics while it holds this");
    let mut head = BufReader::new(client).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let who = request.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();

    let mut now = loads();
    now.started.push(Load { who, at: Instant::now() });
    now.in_flight += 1;
    now.max_in_flight = now.max_in_flight.max(now.in_flight);
    let body = format!("{{\"load\": {{\"number\": {}}}}}", now.started());
    drop(now);

    std::thread::sleep(takes);
    // Before the answer, because the client may allow the next load as soon as it has it.
    loads().in_flight -= 1;
    write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
