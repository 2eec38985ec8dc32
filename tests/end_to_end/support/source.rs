//! An expensive source: a server of HTTP that takes its time for each answer, and knows who asks for it when.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running source. Each answer is `{"load": {"number": N}}`, where N counts the loads.
pub(crate) struct Source {
    address: SocketAddr,
    loads: Arc<Mutex<Loads>>,
}

/// What was asked of it.
#[derive(Clone, Default)]
pub(crate) struct Loads {
    /// All of them, the first at the front.
    begun: Vec<Load>,
    /// How many are under way.
    pub(crate) under_way: u32,
    /// The most that were under way at a time.
    pub(crate) most: u32,
}

/// One load.
#[derive(Clone)]
pub(crate) struct Load {
    /// Who asked.
    pub(crate) who: String,
    /// When it began.
    pub(crate) at: Instant,
}

impl Loads {
    /// How many were begun.
    pub(crate) fn begun(&self) -> usize {
        self.begun.len()
    }

    /// How many were begun by one who asks.
    pub(crate) fn of(&self, who: &str) -> u32 {
        self.begun.iter().map(|load| u32::from(load.who == who)).sum()
    }

    /// The one whose answer has this number.
    pub(crate) fn number(&self, number: u32) -> &Load {
        &self.begun[number as usize - 1]
    }
}

impl Source {
    /// Starts one that takes this long for each answer. It ends with the test's process.
    pub(crate) fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let source = Self { address: listener.local_addr().expect("its address"), loads: Arc::default() };
        let loads = Arc::clone(&source.loads);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let loads = Arc::clone(&loads);
                // A client that is killed in the middle is no concern of the others.
                std::thread::spawn(move || answer(&client, &loads, takes));
            }
        });
        source
    }

    /// Where somebody of this name asks.
    pub(crate) fn url(&self, who: &str) -> String {
        format!("{}/{who}", self.origin())
    }

    /// As in a grant.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked of it so far.
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
    now.begun.push(Load { who, at: Instant::now() });
    now.under_way += 1;
    now.most = now.most.max(now.under_way);
    let body = format!("{{\"load\": {{\"number\": {}}}}}", now.begun());
    drop(now);

    std::thread::sleep(takes);
    // Before the answer: one who has it may let the next one load.
    loads().under_way -= 1;
    write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
