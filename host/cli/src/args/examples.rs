//! The examples that `--help` shows below the flags.

pub(super) const ALL: &str = "\
Examples:
  kiwi-host run currencies               Run without any configuration; publish to ./.kiwi
  kiwi-host run --store redis://redis    Run all caches of ./kiwi.toml; publish to Redis
  kiwi-host get airlines FR              Read one value, from any machine that reaches the store
  kiwi-host inspect http                 See which settings and grants a plugin needs
  kiwi-host check --fix                  Find what is wrong, and add what is missing to kiwi.toml

Exit codes:
  0    success
  1    failure at run time, or what `status --exit-code` found
  2    the cache or the key does not exist
  64   invalid usage or configuration, or nothing to run
  130  stopped immediately by a second Ctrl-C";

pub(super) const RUN: &str = "\
Examples:
  kiwi-host run                                   Run all caches of ./kiwi.toml
  kiwi-host run --config /etc/kiwi.toml --store redis://:PASSWORD@redis:6379/2
  kiwi-host run currencies --once                 Load once; no configuration needed
  kiwi-host run plugins/mine.wasm --dry-run       Print what would be published

Ctrl-C or SIGTERM shuts down after the loads in flight have finished. A second one stops immediately.";

pub(super) const REFILL: &str = "\
Examples:
  kiwi-host refill airlines rates
  */15 * * * *  kiwi-host refill --all --quiet --config /etc/kiwi.toml
  kiwi-host refill airlines --dry-run --diff    Show what a refill would change
  kiwi-host refill airlines --force             Accept a map that is smaller than the guards allow

A refill loads even what is fresh. If another host is loading the cache, it says so and waits for that
host's result. Failures are printed on standard error. A refill that a guard would refuse exits 1, with --diff as well.";

pub(super) const PUBLISH: &str = "\
Examples:
  python3 load_rates.py > rates.ndjson && kiwi-host publish rates < rates.ndjson
  psql --csv -c 'TABLE airlines' | kiwi-host publish airlines --input-format csv --key iata
  curl --fail https://api.example.com/countries | kiwi-host publish countries --key /name/common

Rows are {\"key\": ..., \"value\": ...}, on each line (ndjson) or in an array (json). With --key they
are any JSON objects, or CSV with a header (csv), whose values are all texts. One JSON object whose
names are the keys is read with --input-format json.

Nothing is published unless every row is valid and the input ends with a whole one. A producer that
fails between two rows looks like one that has finished: write a file first, as above, print one
JSON document, or use --expect-rows.";

pub(super) const GET: &str = "\
Examples:
  kiwi-host get airlines FR
  kiwi-host get airlines FR --store redis://redis --format json

Exit code 2 means that the cache or the key does not exist.";

pub(super) const KEYS: &str = "\
Examples:
  kiwi-host keys airlines | head
  kiwi-host keys airlines --format json";

pub(super) const DUMP: &str = "\
Examples:
  kiwi-host dump airlines | grep Ireland        Each line is a key, a tab and a value
  kiwi-host dump airlines --format json > airlines.json";

pub(super) const STATUS: &str = "\
Examples:
  kiwi-host status
  kiwi-host status airlines --store redis://redis --format json
  kiwi-host status --failing --exit-code --max-age 1h    For monitoring

States:
  fresh, loading  the map is up to date (a first load is not well until it ends)
  foreign         Python's kiwi-cache wrote the record
  failing         the last load failed, and the next try is due
  backing off     the last load failed, and the source is left alone for a while
  refused         a guard refuses what the loader returns
  store refuses   the store is full, refuses, or cannot be reached from the host
  cannot run      a host could not start the plugin
  partly failing  it fails on one host, and another keeps it fresh
  no host         the hosts that ran it are dead
  leftover        it is in the store, and no host has it in its configuration
  stale           it was not checked for twice the refill interval, or for --max-age
  missing, lost   nothing is published, or the data is incomplete

Exit codes: 2 if there is no cache of a given name; with --exit-code, 1 if a cache is not well. All states but fresh,
loading and foreign are not well.";

pub(super) const INSPECT: &str = "\
Examples:
  kiwi-host inspect http
  kiwi-host inspect plugins/mine.wasm --config /etc/kiwi.toml    Also show what is granted";

pub(super) const PLUGINS: &str = "\
A shipped plugin is used by its name: `kiwi-host run currencies`, or `plugin = \"table\"` in a
kiwi.toml. What contains a dot or a slash is a path: `plugin = \"plugins/mine.wasm\"`.

They are in ../share/kiwi-host/plugins, seen from the directory of kiwi-host, or in the directory
that KIWI_PLUGINS names.";

pub(super) const CHECK: &str = "\
Examples:
  kiwi-host check
  kiwi-host check --config /etc/kiwi.toml --store redis://redis
  kiwi-host check --fix                        Add missing settings and grants to kiwi.toml
  kiwi-host check --fix http                   Add a cache for a plugin

With --fix, a setting without an obvious value gets the placeholder \"...\", which is an error until you
replace it. Comments and layout stay as they are.";

pub(super) const FORGET: &str = "\
Examples:
  kiwi-host forget airlines          Show what would be deleted; delete nothing
  kiwi-host forget airlines --yes    Delete it

A host that still runs the cache publishes it again at its next refill. Exit code 2 means that there is no such cache.";
