//! One declaration of settings is read and described.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kiwi_loader::testing::Host;
use kiwi_loader::{DescribeSettings, Error, Setting, SettingValue, Settings, settings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

fn read<S: DeserializeOwned>(value: Value) -> Result<S, String> {
    let settings: Result<S, Error> = Host::new().settings(value).run(settings);
    settings.map_err(|error| {
        assert!(error.is_invalid_settings(), "{error:?}");
        error.to_string()
    })
}

fn refusal<S: DeserializeOwned>(value: Value) -> String {
    read::<S>(value).err().expect("the settings are refused")
}

#[derive(Debug, PartialEq, SettingValue, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    Ascending,
    #[serde(rename = "down")]
    Descending,
    VerySlow,
}

#[derive(Debug, PartialEq, Settings)]
struct Retry {
    /// How often.
    #[setting(default = 3)]
    times: u32,
    /// How long to wait.
    wait: f64,
}

fn ten() -> u64 {
    10
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    seconds.map(Duration::from_secs).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration")))
}

#[derive(Debug, PartialEq, Settings)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Everything {
    /// A text
    /// on two lines.
    ///
    /// More for readers of the code.
    base_url: String,
    /// A whole number.
    #[setting(default = -1)]
    int: i64,
    /// A number.
    #[serde(default = "ten")]
    by_path: u64,
    /// A boolean.
    #[serde(default)]
    flag: bool,
    /// An array.
    #[setting(default = ["a", "b"])]
    columns: Vec<String>,
    /// A table.
    #[serde(default)]
    headers: HashMap<String, String>,
    /// Anything.
    any: Option<Value>,
    /// sorted so.
    #[setting(default = "down")]
    order: Order,
    other_order: Option<Order>,
    /// A table of its own.
    retry: Option<Retry>,
    /// A duration.
    #[serde(deserialize_with = "seconds")]
    #[setting(kind = text, default = "5s")]
    timeout: Duration,
    /// A keyword as a name.
    r#type: Option<char>,
    #[serde(skip)]
    cached: Option<String>,
    #[serde(skip)]
    #[setting(default = 7)]
    skipped: u8,
}

#[test]
fn everything_is_described() {
    assert_eq!(
        Everything::settings(),
        [
            Setting::text("baseUrl", "A text on two lines.").required(),
            Setting::integer("int", "A whole number.").default_value(-1),
            Setting::integer("byPath", "A number.").default_value(10),
            Setting::boolean("flag", "A boolean.").default_value(false),
            Setting::array("columns", "An array.").default_value(["a", "b"]),
            Setting::table("headers", "A table."),
            Setting::any("any", "Anything."),
            Setting::text("order", "`ascending`, `down` or `very-slow`; sorted so.").default_value("down"),
            Setting::text("otherOrder", "`ascending`, `down` or `very-slow`."),
            Setting::table("retry", "A table of its own."),
            Setting::text("timeout", "A duration.").default_value("5s"),
            Setting::text("type", "A keyword as a name."),
        ]
    );
}

#[test]
fn everything_is_read_and_has_its_default() {
    let settings: Everything = read(json!({ "baseUrl": "x" })).unwrap();
    let expected = Everything {
        base_url: "x".into(),
        int: -1,
        by_path: 10,
        flag: false,
        columns: vec!["a".into(), "b".into()],
        headers: HashMap::new(),
        any: None,
        order: Order::Descending,
        other_order: None,
        retry: None,
        timeout: Duration::from_secs(5),
        r#type: None,
        cached: None,
        skipped: 7,
    };
    assert_eq!(settings, expected);
    let set = json!({
        "baseUrl": "y", "int": 2, "byPath": 3, "flag": true, "columns": [], "headers": { "a": "b" }, "any": [1],
        "order": "very-slow", "otherOrder": "ascending", "retry": { "wait": 1.5 }, "timeout": "9s", "type": "c",
    });
    let settings: Everything = read(set).unwrap();
    let expected = Everything {
        base_url: "y".into(),
        int: 2,
        by_path: 3,
        flag: true,
        columns: Vec::new(),
        headers: HashMap::from([("a".into(), "b".into())]),
        any: Some(json!([1])),
        order: Order::VerySlow,
        other_order: Some(Order::Ascending),
        retry: Some(Retry { times: 3, wait: 1.5 }),
        timeout: Duration::from_secs(9),
        r#type: Some('c'),
        cached: None,
        skipped: 7,
    };
    assert_eq!(settings, expected);
}

#[test]
fn what_is_wrong_is_named() {
    let with = |name: &str, value: Value| {
        let mut settings = json!({ "baseUrl": "x" });
        settings[name] = value;
        refusal::<Everything>(settings)
    };
    assert_eq!(refusal::<Everything>(json!({})), "`baseUrl` is missing");
    assert_eq!(with("int", json!("1")), "`int`: invalid type: string \"1\", expected i64");
    assert_eq!(with("columns", json!(["a", 2])), "`columns[1]`: invalid type: integer `2`, expected a string");
    assert_eq!(with("headers", json!({ "a": 1 })), "`headers.a`: invalid type: integer `1`, expected a string");
    assert_eq!(with("order", json!("up")), "`order`: `up` is not valid: expected `ascending`, `down` or `very-slow`");
    assert_eq!(with("retry", json!({})), "`retry`: `wait` is missing");
    assert_eq!(with("timeout", json!("soon")), "`timeout`: `soon` is not a duration");
    assert_eq!(with("int", json!(null)), "`int`: invalid type: null, expected i64");
    // A skipped field is not a setting.
    assert!(
        with("cached", json!("x")).starts_with("`cached` is not a setting of this loader: expected `baseUrl`, `int`")
    );
    assert_eq!(
        refusal::<Retry>(json!({ "wiat": 1 })),
        "`wiat` is not a setting of this loader: expected `times` or `wait`"
    );
}

#[derive(Debug, PartialEq, Settings)]
struct Flattened {
    /// A name.
    name: String,
    #[serde(flatten)]
    retry: Retry,
    /// After it.
    last: Option<bool>,
}

#[test]
fn flattened_settings_stand_among_the_others() {
    let names = [
        Setting::text("name", "A name.").required(),
        Setting::integer("times", "How often.").default_value(3),
        Setting::number("wait", "How long to wait.").required(),
        Setting::boolean("last", "After it."),
    ];
    assert_eq!(Flattened::settings(), names);
    let settings: Flattened = read(json!({ "name": "x", "wait": 2, "last": true })).unwrap();
    let retry = Retry { times: 3, wait: 2.0 };
    assert_eq!(settings, Flattened { name: "x".into(), retry, last: Some(true) });
    assert_eq!(refusal::<Flattened>(json!({ "name": "x" })), "`wait` is missing");
    assert_eq!(
        refusal::<Flattened>(json!({ "name": "x", "wait": 2, "tmies": 1 })),
        "`tmies` is not a setting of this loader: expected `name`, `times`, `wait` or `last`"
    );
}

#[derive(Debug, PartialEq, Settings)]
#[serde(default)]
struct Defaulted {
    /// How many.
    entries: u32,
    /// Which.
    names: BTreeMap<String, u8>,
}

impl Default for Defaulted {
    fn default() -> Self {
        Self { entries: 1_000, names: BTreeMap::new() }
    }
}

#[derive(Debug, PartialEq, Settings)]
struct Nothing {}

#[test]
fn a_struct_may_have_a_default_and_may_be_empty() {
    let described = [Setting::integer("entries", "How many.").default_value(1_000), Setting::table("names", "Which.")];
    assert_eq!(Defaulted::settings(), described);
    assert_eq!(read::<Defaulted>(json!({})).unwrap(), Defaulted::default());
    assert_eq!(Nothing::settings(), []);
    assert_eq!(read::<Nothing>(json!({})).unwrap(), Nothing {});
    assert_eq!(refusal::<Nothing>(json!({ "a": 1 })), "`a` is not a setting of this loader: it takes none");
}

#[derive(Debug, Settings)]
struct BadDefault {
    /// The order.
    #[setting(default = "up")]
    #[expect(dead_code, reason = "it is never read")]
    order: Order,
}

#[test]
#[should_panic = "the default of the setting `order` is not valid for its type: `up` is not valid: expected `ascending`"]
fn a_default_that_its_type_refuses_shows_when_it_is_described() {
    BadDefault::settings();
}
