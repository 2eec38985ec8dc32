//! A server that speaks the protocol, and replies what the fuzzer says.

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream};

use super::reply::Replies;
use crate::redis::options::RedisOptions;
use crate::redis::scripted_peer::read_command;
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
