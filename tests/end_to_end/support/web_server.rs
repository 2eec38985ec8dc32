//! An API on this machine, whose answers a test makes of the requests.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A running server. It ends with the test's process.
pub(crate) struct WebServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Lines, names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn read(client: &TcpStream) -> Result<Self> {
        let mut client = BufReader::new(client);
        let mut line = || -> Result<String> {
            let mut line = String::new();
            client.read_line(&mut line)?;
            Ok(line.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        while let Some((name, value)) = line()?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut asked = Self { method, path, headers, body: String::new() };
        let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        client.take(length).read_to_string(&mut asked.body)?;
        Ok(asked)
    }
}

/// As it was sent, names of headers in lower case.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} HTTP/1.1\r\n", self.method, self.path)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, "{name}: {value}\r\n"))?;
        write!(f, "\r\n{}", self.body)
    }
}

impl Reply {
    /// Status 200.
    pub(crate) fn body(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }
}

impl WebServer {
    pub(crate) fn start(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = Self { address, asked: Arc::default() };
        let (asked, reply) = (Arc::clone(&server.asked), Arc::new(reply));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (asked, reply) = (Arc::clone(&asked), Arc::clone(&reply));
                // A client that goes away early is the test's business.
                std::thread::spawn(move || answer(&client, &asked, &*reply));
            }
        });
        server
    }

    /// The origin, as in a grant.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no thread panics while it holds this").clone()
    }
}

fn answer(mut client: &TcpStream, all: &Mutex<Vec<Asked>>, reply: &dyn Fn(&Asked) -> Reply) -> Result<()> {
    let asked = Asked::read(client)?;
    let Reply { status, headers, body } = reply(&asked);
    all.lock().expect("no thread panics while it holds this").push(asked);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(client, "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len())?;
    client.write_all(&body)
}
