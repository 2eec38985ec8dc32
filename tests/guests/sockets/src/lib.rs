//! Connects to `address` (`host:port`) by a WASI socket, not by the contract's `http`.

use std::net::TcpStream;

use kiwi_loader::Error;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    address: String,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, String); 1], Error> {
    let stream =
        TcpStream::connect(&settings.address).map_err(|error| Error::from(error).context(&settings.address))?;
    Ok([("connected", stream.peer_addr()?.to_string())])
}

kiwi_loader::loader!(load_from_source);
