//! A server that speaks the protocol, and replies what the fuzzer says.

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::reply::Replies;
use crate::redis::options::RedisOptions;
use crate::redis::store::Redis;
use crate::redis::stream::{Connect, Stream};

#[derive(Clone)]
pub(super) struct Peer(Arc<Mutex<Replies>>);

impl Peer {
    pub(super) fn replying(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Replies::new(bytes))))
    }

    pub(super) fn store(self) -> Redis {
        let options: RedisOptions = "redis://peer".parse().unwrap();
        Redis::over(&options, Box::new(self))
    }

    async fn serve(self, stream: DuplexStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut queued: Option<Vec<Vec<u8>>> = None;
        while let Some(command) = read_command(&mut stream).await? {
            let reply = match (command[0].as_str(), &mut queued) {
                ("AUTH" | "SELECT" | "CLIENT" | "HELLO", _) => b"+OK\r\n".to_vec(),
                ("MULTI", queued) => {
                    *queued = Some(Vec::new());
                    b"+OK\r\n".to_vec()
                }
                ("EXEC", queued) => self.0.lock().unwrap().array(queued.take().unwrap_or_default()),
                (_, Some(queued)) => {
                    queued.push(self.0.lock().unwrap().to(&command));
                    b"+QUEUED\r\n".to_vec()
                }
                (_, None) => self.0.lock().unwrap().to(&command),
            };
            stream.write_all(&reply).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Connect for Peer {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(self.clone().serve(far));
        Ok(Box::new(near))
    }
}

/// An array of texts, as a client sends it. `None`: the client has closed the connection.
async fn read_command(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<Vec<String>>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = Vec::new();
    for _ in 0..line.trim()[1..].parse::<usize>().expect("an array") {
        line.clear();
        stream.read_line(&mut line).await?;
        let mut word = vec![0; line.trim()[1..].parse::<usize>().expect("a text") + 2];
        stream.read_exact(&mut word).await?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Ok(Some(words))
}
