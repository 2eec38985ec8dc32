//! Repacking: the same snapshot as one version again, when its deltas have become long.

use super::commit::max_log_bytes;
use super::meta::Version;
use super::reply::number;
use super::script::REPACK;
use super::segments::grace_millis;
use super::store::Redis;
use super::whole::{Opened, unpack};
use crate::packer::Packer;
use crate::{Name, Result, Root, Token, Whole};

impl Redis {
    /// Repacks where the deltas have reached half of what is allowed.
    pub(super) async fn repack_if_long(&self, cache: &Name) -> Result<bool> {
        let keys = self.keys(cache);
        let mut meta = redis::cmd("HMGET");
        meta.arg(&keys.meta).arg("logged").arg("bytes");
        let fields = self.command(cache, meta).await?;
        let [logged, bytes] = fields.as_sequence().unwrap_or_default() else { return Ok(false) };
        if number(logged).unwrap_or(0) <= max_log_bytes(number(bytes).unwrap_or(0)) / 2 {
            return Ok(false);
        }
        let Some(Opened { mut whole, version, steps, logged, at }) = self.open_whole(cache, None).await? else {
            return Ok(false);
        };
        let instead_of = match version {
            Version::Segments(id, _) => id.to_string(),
            Version::Inline => String::new(),
            Version::Hash => return Ok(false),
        };
        if steps == 0 {
            return Ok(false);
        }
        let mut packer = Packer::new();
        let version = packer.version;
        let repacked = self.write_repacked(cache, &mut packer, &mut whole).await;
        if let Err(error) = repacked {
            self.drop_unused(cache, keys.version(version)).await;
            return Err(error);
        }
        let call = REPACK
            .call_with_version(&keys, Token::random(), version)
            .arg("version", version)
            .arg("segments", packer.segments().len())
            .arg("instead_of", instead_of)
            .arg("id", whole.head().id)
            .arg("at", at)
            .arg("steps", steps)
            .arg("logged", logged)
            .arg("grace_ms", grace_millis(whole.head().refill_interval));
        let reply = self.run(cache, &call).await?;
        Ok(self.outcome(cache, &reply)? == "done")
    }

    /// Writes a version of the same map.
    async fn write_repacked(&self, cache: &Name, packer: &mut Packer, whole: &mut Whole) -> Result<()> {
        let keys = self.keys(cache);
        let (mut root, mut entries) = (Root::default(), 0);
        while let Some(part) = whole.next().await {
            let part = part?;
            let (batch, of_part) = unpack(part).await.map_err(|error| error.of(cache))?;
            root.add_part(of_part);
            entries += batch.len() as u64;
            let full = packer.push(&batch);
            self.write_segments(cache, &keys, packer.version, full).await?;
        }
        if !whole.is_proven_by(root, entries) {
            return Err(whole.not_proven().of(cache));
        }
        let rest = packer.rest();
        self.seal(cache, &keys, packer, rest).await
    }
}
