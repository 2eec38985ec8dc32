//! A server that gives tokens of OAuth 2.0, or something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::raw_server;

/// The server, and what it was asked.
pub(crate) struct TokenServer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<Answer>>,
    _accepting: tokio::task::JoinHandle<()>,
}

/// A request for a token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
    /// All of the request.
    pub(crate) all: String,
}

/// What it answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A token named by how many were given before, that lives for so long.
    Token {
        expires_in: Value,
    },
    Raw {
        status: u16,
        body: String,
    },
    Endless,
    Never,
}

impl TokenServer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let (asked, answer): (Arc<Mutex<Vec<Asked>>>, _) = (Arc::default(), Arc::new(Mutex::new(answer)));
        let (kept, given) = (asked.clone(), answer.clone());
        let (address, accepting) = raw_server(move |stream| {
            let (kept, given) = (kept.clone(), given.clone());
            async move {
                // A client that goes away is the test's business.
                let _ = serve(stream, &kept, &given).await;
            }
        })
        .await;
        Self { url: format!("http://{address}/token?tenant=s3cret-tenant"), asked, answer, _accepting: accepting }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answer: &Mutex<Answer>) -> std::io::Result<()> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    let head = loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        all.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                break head.to_owned();
            }
        }
    };
    let all = String::from_utf8_lossy(&all).into_owned();
    let form = url::form_urlencoded::parse(all.split_once("\r\n\r\n").unwrap().1.as_bytes()).into_owned().collect();
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: ")).map(ToOwned::to_owned);
    let before = {
        let mut kept = kept.lock().unwrap();
        kept.push(Asked { authorization, form, all });
        kept.len()
    };
    let now = answer.lock().unwrap().clone();
    let (status, body) = match now {
        Answer::Token { expires_in } => {
            let token =
                json!({ "access_token": format!("t0ken-{before}"), "token_type": "bearer", "expires_in": expires_in });
            (200, token.to_string())
        }
        Answer::Raw { status, body } => (status, body),
        Answer::Never => return std::future::pending().await,
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\": \"").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await
}
