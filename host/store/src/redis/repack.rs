//! Repacking: the same snapshot as one version again, when its deltas have become long.

use super::meta::Version;
use super::script::REPACK;
use super::segments::{Manifest, grace_millis};
use super::store::Redis;
use super::whole::{Opened, unpack};
use crate::packer::Packer;
use crate::{Name, Result, Root, Token, Whole};

impl Redis {
    /// Writes what is published as one version, if deltas lead to it.
    pub(super) async fn pack_deltas(&self, cache: &Name) -> Result<bool> {
        let keys = self.keys(cache);
        let Some(Opened { mut whole, version, steps, logged, at, .. }) = self.open_whole(cache, None).await? else {
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
        self.seal(cache, &keys, packer.version, rest, &Manifest::of(packer)).await
    }
}
