//! What is secret in a test, and the search for it in all that a host writes.

/// What a host logs at trace level, but for compilers, which know no secrets and write gigabytes.
pub(crate) const TRACE: &str = "trace,cranelift_codegen=warn,cranelift_frontend=warn,regalloc2=warn,wasmtime_cranelift=warn,\
                     wasmtime_environ=warn,wasmtime=warn,wasmtime_internal_cranelift=warn,wasmparser=warn";

/// Everything that is secret in this test, and what was found where. To add a secret: give it to `add`, and use it.
#[derive(Default)]
pub(crate) struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    /// A secret of its own, which looks like one.
    pub(crate) fn add(&mut self, what: &'static str) -> String {
        let secret = format!("{}+{}/S3cret", what.replace(' ', ""), 0x5eed_0000 + self.0.len());
        self.0.push((what, secret.clone()));
        secret
    }

    /// All of them, each with what it is.
    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// # Panics
    /// One of them is in this text, as it is or as programs write it. Says where.
    pub(crate) fn are_not_in(&self, place: &str, text: &[u8]) {
        for (what, secret) in &self.0 {
            // Redis writes JSON with `\/`.
            let forms = [secret.clone(), secret.replace('/', "\\/"), encoded(secret)];
            for form in forms.into_iter().chain(in_base64(secret)) {
                let found = text.windows(form.len()).position(|window| window == form.as_bytes());
                if let Some(at) = found {
                    let around = &text[at.saturating_sub(300)..(at + 300).min(text.len())];
                    panic!("{place} has the {what} ({form}):\n{}", String::from_utf8_lossy(around));
                }
            }
        }
    }
}

/// As it stands in a URL.
pub(crate) fn encoded(secret: &str) -> String {
    secret.replace('+', "%2B").replace('/', "%2F")
}

/// The characters of Base64 that follow from a secret alone, wherever it begins.
pub(crate) fn in_base64(secret: &str) -> Vec<String> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |offset: usize| {
        let bits = |index: usize| (secret.as_bytes()[index / 8] >> (7 - index % 8)) & 1;
        let starts = (offset..secret.len() * 8 - 5).step_by(6);
        starts
            .map(|start| char::from(DIGITS[(start..start + 6).fold(0, |all, at| all << 1 | usize::from(bits(at)))]))
            .collect::<String>()
    };
    // A secret that begins 0, 1 or 2 bytes behind a multiple of three.
    [0, 4, 2].map(digits).to_vec()
}

/// All that stands in a Redis, and not only what this version writes.
pub(crate) fn everything_in(redis: &str) -> Vec<u8> {
    let client = redis::Client::open(redis).expect("a URL");
    let mut connection = client.get_connection().expect("a connection");
    let mut ask = |command: &[&str]| {
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query::<redis::Value>(&mut connection).expect("an answer")
    };
    let mut all = Vec::new();
    let keys = ask(&["KEYS", "*"]);
    collect(&keys, &mut all);
    let keys: Vec<String> = redis::from_redis_value(keys).expect("the keys");
    assert!(!keys.is_empty());
    for key in &keys {
        let kind: String = redis::from_redis_value(ask(&["TYPE", key])).expect("a type");
        let value = match kind.as_str() {
            "string" => ask(&["GET", key]),
            "hash" => ask(&["HGETALL", key]),
            "list" => ask(&["LRANGE", key, "0", "-1"]),
            "set" => ask(&["SMEMBERS", key]),
            "zset" => ask(&["ZRANGE", key, "0", "-1"]),
            "stream" => ask(&["XRANGE", key, "-", "+"]),
            // It has expired.
            "none" => continue,
            other => panic!("{key} is a {other}, which this test cannot read"),
        };
        collect(&value, &mut all);
    }
    for command in [&["PUBSUB", "CHANNELS"][..], &["CLIENT", "LIST"], &["SLOWLOG", "GET", "-1"]] {
        collect(&ask(command), &mut all);
    }
    all
}

/// All texts of a value, each on a line.
fn collect(value: &redis::Value, all: &mut Vec<u8>) {
    match value {
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().for_each(|value| collect(value, all)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            collect(key, all);
            collect(value, all);
        }),
        redis::Value::BulkString(bytes) => all.extend_from_slice(bytes),
        other => all.extend_from_slice(format!("{other:?}").as_bytes()),
    }
    all.push(b'\n');
}
