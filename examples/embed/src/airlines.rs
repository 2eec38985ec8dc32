//! The airlines: where they come from, and how they stay warm.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use kiwi_cache::{Cache, Ttl, store};
use kiwi_host::{AskedTiming, CacheConfig, Host, LoadError, Loader, Output};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub struct Airline {
    iata: String,
    icao: String,
    name: String,
    callsign: String,
    country: String,
}

struct Airlines {
    csv: PathBuf,
}

impl Loader for Airlines {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        let text = tokio::fs::read_to_string(&self.csv).await;
        let text = text.map_err(|error| LoadError::unavailable(error).context(self.csv.display()))?;
        for row in csv::Reader::from_reader(text.as_bytes()).into_deserialize() {
            let airline: Airline = row?;
            out.emit(&airline.iata, &airline).await?;
        }
        Ok(())
    }
}

/// A host that keeps the airlines warm in a Redis, and a reader of what is there.
pub async fn warm(redis: &str, csv: PathBuf) -> Result<(Host, Cache<Airline>), Box<dyn Error>> {
    let timing = AskedTiming {
        reload_ttl: Some(Duration::from_millis(500)),
        refill_interval: Some(Duration::from_secs(60)),
        cache_ttl: Some(Ttl::For(Duration::from_secs(3600))),
        ..AskedTiming::default()
    };
    let airlines = CacheConfig { timing, ..CacheConfig::native("airlines".parse()?, Airlines { csv }) };
    let (host, skipped) = Host::builder(store::open(&redis.parse()?)?).caches([airlines]).build().await?;
    if let Some(skipped) = skipped.into_iter().next() {
        return Err(skipped.error.into());
    }
    let reader = host.cache("airlines").await?;
    Ok((host, reader))
}
