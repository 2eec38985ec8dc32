//! What happens in Redis in a case.

use std::sync::Arc;
use std::time::SystemTime;

use redis::{Connection, Pipeline};

use crate::bytes::Bytes;
use crate::case::{Change, Edit, Event, Forge};
use crate::proxy::Proxy;
use crate::recording::{Content, Recordings};

/// The Redis of one case.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) recordings: Arc<Recordings>,
    /// Of the server itself.
    pub(crate) url: String,
    /// What readers connect to.
    pub(crate) proxy: Arc<Proxy>,
    /// The prefix of the keys, in place of `kiwi:`. Each case has its own, so that no reader of another case hears of it.
    pub(crate) prefix: String,
}

/// A connection to a server.
pub(crate) fn connect(url: &str) -> Connection {
    redis::Client::open(url).and_then(|client| client.get_connection()).expect("our own Redis answers")
}

impl Scene {
    pub(crate) fn play(&self, event: &Event) {
        let mut redis = connect(&self.url);
        match event {
            Event::Given(moment) => self.bring_back(&mut redis, moment),
            Event::CheckedAgo(millis) => self.set_times(&mut redis, *millis),
            Event::Command(words) => {
                let words: Vec<Vec<u8>> = words.iter().map(|word| self.word(&mut redis, word)).collect();
                let mut command = redis::cmd(std::str::from_utf8(&words[0]).expect("a command"));
                command.arg(&words[1..]).exec(&mut redis).expect("a command that works");
            }
            Event::Edit(edit) => self.edit(&mut redis, edit),
            Event::Announce(moment) => self.publish(&mut redis, self.announced(moment)),
            Event::Message(message) => self.publish(&mut redis, &message.0),
            Event::Forge(forge) => self.publish(&mut redis, &self.forged(forge)),
            Event::Flushall(_) => redis::cmd("FLUSHALL").exec(&mut redis).expect("it is flushed"),
            Event::Away(is_away) => self.proxy.set_away(*is_away),
            Event::Meanwhile(meanwhile) => {
                let scene = self.clone();
                let events = meanwhile.events.clone();
                self.proxy.when(&meanwhile.asks, move || events.iter().for_each(|event| scene.play(event)));
            }
        }
    }

    /// All keys as they were, in one step. A host needs one step too.
    fn bring_back(&self, redis: &mut Connection, moment: &str) {
        let mut all = Pipeline::new();
        all.atomic();
        let old: Vec<String> = redis::cmd("KEYS").arg("*").query(redis).expect("keys");
        old.iter().for_each(|key| {
            all.del(key);
        });
        for (key, content) in self.recordings.content(moment) {
            let key = self.with_prefix(&key);
            match content {
                Content::String(value) => drop(all.set(key, value.0)),
                Content::Hash(fields) => {
                    let fields: Vec<_> =
                        fields.into_iter().filter_map(|(field, value)| Some((field, value?.0))).collect();
                    if !fields.is_empty() {
                        all.hset_multiple(key, &fields);
                    }
                }
                Content::Stream(records) => add_records(&mut all, &key, records),
            }
        }
        all.exec(redis).expect("the keys of a moment can be written");
        self.set_times(redis, 0);
    }

    fn set_times(&self, redis: &mut Connection, millis_ago: i64) {
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_millis() as i64;
        let (meta, at) = (self.with_prefix("kiwi:{airlines}:meta"), now - millis_ago);
        let mut set = redis::cmd("HSET");
        set.arg(meta).arg("checked_at").arg(at).arg("loaded_at").arg(at);
        set.exec(redis).expect("the times can be written");
    }

    fn edit(&self, redis: &mut Connection, edit: &Edit) {
        let key = self.word(redis, &Bytes::from(edit.key.as_str()));
        let change = |bytes: Vec<u8>| self.changed(bytes, &edit.change);
        match (&edit.field, edit.record) {
            (Some(field), None) => {
                let old: Vec<u8> = redis::cmd("HGET").arg(&key).arg(field).query(redis).expect("a field");
                redis::cmd("HSET").arg(&key).arg(field).arg(change(old)).exec(redis).expect("a hash");
            }
            (None, Some(place)) => {
                let mut records: Vec<(String, Vec<Vec<u8>>)> =
                    redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query(redis).expect("a stream");
                let place = from_end(place, records.len());
                let delta = records[place].1.last_mut().expect("a record has fields");
                *delta = change(std::mem::take(delta));
                let records = records.into_iter().map(|(id, fields)| (id, fields.into_iter().map(Bytes).collect()));
                let mut all = Pipeline::new();
                all.atomic().del(&key);
                add_records(&mut all, std::str::from_utf8(&key).expect("a key"), records.collect());
                all.exec(redis).expect("a stream");
            }
            _ => {
                let old: Vec<u8> = redis::cmd("GET").arg(&key).query(redis).expect("a string");
                redis::cmd("SET").arg(&key).arg(change(old)).exec(redis).expect("a string");
            }
        }
    }

    fn changed(&self, mut bytes: Vec<u8>, change: &Change) -> Vec<u8> {
        match change {
            Change::Flip(place) => {
                let place = from_end(*place, bytes.len());
                bytes[place] ^= 0xff;
            }
            Change::Byte(place, value) => bytes[*place] = *value,
            Change::Bytes(place, new) => bytes[*place..*place + new.0.len()].copy_from_slice(&new.0),
            Change::Cut(length) => bytes.truncate(*length),
            Change::Replace(old, new) => {
                let text = String::from_utf8(bytes).expect("a text");
                let changed = text.replace(&self.ids(old), &self.ids(new));
                assert_ne!(changed, text, "`{old}` is not in it");
                bytes = changed.into_bytes();
            }
        }
        bytes
    }

    fn announced(&self, moment: &str) -> &[u8] {
        let announced = self.recordings.moment(moment).message.as_ref();
        &announced.unwrap_or_else(|| panic!("`{moment}` was not announced")).0
    }

    /// Only the line in front of the delta is a text.
    fn forged(&self, forge: &Forge) -> Vec<u8> {
        let message = self.announced(&forge.announced);
        let end = message.iter().position(|&byte| byte == b'\n').unwrap_or(message.len());
        let mut line = String::from_utf8(message[..end].to_vec()).expect("a text");
        for (old, new) in &forge.replace {
            let replaced = line.replace(&self.ids(old), &self.ids(new));
            assert_ne!(replaced, line, "`{old}` is not in it");
            line = replaced;
        }
        let forged = [" ".repeat(forge.spaces).as_bytes(), line.as_bytes(), &message[end..]].concat();
        match &forge.change {
            Some(change) => self.changed(forged, change),
            None => forged,
        }
    }

    fn publish(&self, redis: &mut Connection, message: &[u8]) {
        let channel = format!("{}airlines:changed", self.prefix);
        redis::cmd("PUBLISH").arg(channel).arg(message).exec(redis).expect("it is announced");
    }

    /// An argument of a command.
    fn word(&self, redis: &mut Connection, Bytes(word): &Bytes) -> Vec<u8> {
        match std::str::from_utf8(word) {
            Ok("$version") => {
                let meta = self.with_prefix("kiwi:{airlines}:meta");
                let id: String = redis::cmd("HGET").arg(meta).arg("version").query(redis).expect("a version");
                self.with_prefix(&format!("kiwi:{{airlines}}:v:{id}")).into_bytes()
            }
            Ok(text) => self.ids(&self.with_prefix(text)).into_bytes(),
            Err(_) => word.clone(),
        }
    }

    fn with_prefix(&self, key: &str) -> String {
        key.strip_prefix("kiwi:").map_or_else(|| key.to_owned(), |rest| format!("{}{rest}", self.prefix))
    }

    /// A text in which `$NAME/NUMBER` stands for the id of that moment.
    fn ids(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
            let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
            out += &self.recordings.moment(&part[..end]).id;
            out += &part[end..];
        }
        out
    }
}

fn add_records(all: &mut Pipeline, key: &str, records: Vec<(String, Vec<Bytes>)>) {
    for (id, fields) in records {
        let add = all.cmd("XADD").arg(key).arg(id);
        fields.into_iter().for_each(|field| {
            add.arg(field.0);
        });
    }
}

fn from_end(place: i64, length: usize) -> usize {
    let from_end = || length.checked_sub(place.unsigned_abs() as usize).expect("a place in it");
    usize::try_from(place).unwrap_or_else(|_| from_end())
}
