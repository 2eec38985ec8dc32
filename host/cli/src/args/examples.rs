//! What `--help` shows below the flags.

pub(super) const ALL: &str = "\
Examples:
  kiwi-host run plugins/*.wasm           with no configuration, into ./.kiwi
  kiwi-host run --store redis://redis    all caches of ./kiwi.toml, into Redis
  kiwi-host get airlines FR              from any machine that reaches the store
  kiwi-host inspect plugins/http.wasm    what a plugin needs

Exit codes:
  0  done                              64   wrong usage or configuration, or nothing could run
  1  failed                            130  stopped by a second Ctrl-C
  2  the cache or the key is absent";

pub(super) const RUN: &str = "\
Examples:
  kiwi-host run                                       all caches of ./kiwi.toml
  kiwi-host run --config /etc/kiwi.toml --store redis://:PASSWORD@redis:6379/2
  kiwi-host run plugins/currencies.wasm --once        no configuration needed
  kiwi-host run plugins/file.wasm --dry-run           what would be published

Ctrl-C or SIGTERM ends it when the loads in flight are done; a second one at once.";

pub(super) const REFILL: &str = "\
Examples:
  kiwi-host refill airlines rates
  */15 * * * *  kiwi-host refill --all --config /etc/kiwi.toml
  kiwi-host refill airlines --dry-run --diff    what a refill would change
  kiwi-host refill airlines --force             the source is right, and its map is small

It loads even what is fresh. Where another host is loading a cache it waits for that host's result.";

pub(super) const GET: &str = "\
Examples:
  kiwi-host get airlines FR
  kiwi-host get airlines FR --store redis://redis --format json

Exit code 2: the cache or the key is absent.";

pub(super) const KEYS: &str = "\
Examples:
  kiwi-host keys airlines | head
  kiwi-host keys airlines --format json";

pub(super) const DUMP: &str = "\
Examples:
  kiwi-host dump airlines | grep Ireland        a key, a tab, a value on each line
  kiwi-host dump airlines --format json > airlines.json";

pub(super) const STATUS: &str = "\
Examples:
  kiwi-host status
  kiwi-host status airlines --store redis://redis --format json";

pub(super) const INSPECT: &str = "\
Examples:
  kiwi-host inspect plugins/http.wasm
  kiwi-host inspect plugins/http.wasm --config /etc/kiwi.toml   also what is granted";

pub(super) const CHECK: &str = "\
Examples:
  kiwi-host check
  kiwi-host check --config /etc/kiwi.toml --store redis://redis";

pub(super) const FORGET: &str = "\
Examples:
  kiwi-host forget airlines          says what would be deleted
  kiwi-host forget airlines --yes    deletes it

A host that still runs the cache publishes it again at its next refill.";
