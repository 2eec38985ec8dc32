//! Tables of a database, loaded by the plugin `table` and by kiwi-cache's own `SQLAlchemyResource`, side by side.

use kiwi_cache::blocking;
use serde::Deserialize;
use serde_json::json;

use super::record_data;
use crate::redis_server::RedisServer;
use crate::support::{Database, Python, WorkDir, plugin};

const TABLES: &str = "
    CREATE TABLE currency_rates (currency varchar(3) PRIMARY KEY, course numeric(10,4) NOT NULL);
    INSERT INTO currency_rates VALUES ('EUR', 1), ('USD', 1.0840), ('CHF', 0.9364);
    CREATE TABLE kiwi_airlines (
        iata varchar(2) PRIMARY KEY, name varchar(100) NOT NULL, fleet integer, rating double precision, founded date
    );
    INSERT INTO kiwi_airlines VALUES
        ('FR', 'Ryanair', 618, 4.5, '1984-11-28'), ('QS', 'Smartwings', NULL, NULL, '1997-10-14'),
        ('3Z', 'Škoda ✈', 0, -0.25, NULL);
";

#[derive(Debug, Deserialize, PartialEq)]
struct Rate {
    currency: String,
    course: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Airline {
    iata: String,
    name: String,
    fleet: Option<u32>,
    rating: Option<f64>,
    founded: Option<String>,
}

#[test]
fn tables_of_postgresql_are_read_in_rust_and_in_python() {
    tables_are_read_in_rust_and_in_python(&Database::postgres());
}

#[test]
fn tables_of_mariadb_are_read_in_rust_and_in_python() {
    tables_are_read_in_rust_and_in_python(&Database::mariadb());
}

#[test]
fn tables_of_sqlite_are_read_in_rust_and_in_python() {
    tables_are_read_in_rust_and_in_python(&Database::sqlite());
}

fn tables_are_read_in_rust_and_in_python(database: &Database) {
    database.sql(TABLES);
    let redis = RedisServer::start();
    let airline = ["name", "fleet", "rating", "founded"];
    let saved_rates = saved_by_python(&redis, "CurrencyRates", rates(database), &["course"]);
    let saved_airlines = saved_by_python(&redis, "KiwiAirlines", airlines(database), &airline);

    // What Python reads below is what the host publishes.
    redis.command::<()>(&["DEL", "resource:CurrencyRates", "resource:KiwiAirlines"]).unwrap();

    let config = |cache: &str, class: &str, settings: &str| {
        format!(
            "[cache.{cache}]\nplugin = {:?}\nlayout = \"both\"\nrecord_key = {class:?}\n\
             grants = {{ connections = [\"shop\"] }}\n\
             settings = {{ connection = \"shop\", table = {cache:?}, {settings} }}\n",
            plugin("table")
        )
    };
    let workdir = WorkDir::with(&format!(
        "store = {:?}\n[connections.shop]\nurl = {:?}\n{}{}",
        redis.url(),
        database.url(),
        config("currency_rates", "CurrencyRates", "key = \"currency\", columns = [\"course\"]"),
        config("kiwi_airlines", "KiwiAirlines", "key = \"iata\""),
    ));
    workdir.run(&["run", "--once"]).expect(0);

    let in_rust: blocking::Cache<Rate> = blocking::Cache::connect(redis.url(), "currency_rates").unwrap();
    for (currency, course) in [("CHF", 0.9364), ("EUR", 1.0), ("USD", 1.084)] {
        let rate = Rate { currency: currency.to_owned(), course };
        assert_eq!(in_rust.get(currency).unwrap().as_deref(), Some(&rate));
    }
    assert_eq!(in_rust.len().unwrap(), 3);
    let in_rust: blocking::Cache<Airline> = blocking::Cache::connect(redis.url(), "kiwi_airlines").unwrap();
    for (iata, name, fleet, rating, founded) in [
        ("3Z", "Škoda ✈", Some(0), Some(-0.25), None),
        ("FR", "Ryanair", Some(618), Some(4.5), Some("1984-11-28")),
        ("QS", "Smartwings", None, None, Some("1997-10-14")),
    ] {
        let (iata, name, founded) = (iata.to_owned(), name.to_owned(), founded.map(ToOwned::to_owned));
        let airline = Airline { iata, name, fleet, rating, founded };
        assert_eq!(in_rust.get(&airline.iata).unwrap().as_deref(), Some(&airline));
    }
    assert_eq!(in_rust.len().unwrap(), 3);

    // A service that cannot load.
    let mut in_rates = Python::start(&redis, "CurrencyRates", &rates(database));
    let mut in_airlines = Python::start(&redis, "KiwiAirlines", &airlines(database));
    for python in [&mut in_rates, &mut in_airlines] {
        python.source(json!({ "error": "must not be called" }));
    }
    assert_eq!(in_airlines.member("FR", "name"), Ok("\"Ryanair\"".to_owned()));
    assert_eq!(in_rates.member("USD", "course"), Ok("1.084".to_owned()));
    assert_eq!(in_airlines.member("XX", "name"), Err("KeyError: 'XX'".to_owned()));
    assert_eq!((in_rates.loads(), in_airlines.loads()), (0, 0));

    // Their own loader had written the same, digit by digit.
    let ours = record_data(&redis, "CurrencyRates");
    assert!(in_rates.is_same(&ours, &saved_rates), "{}: {ours}\n{saved_rates}", database.name());
    let ours = record_data(&redis, "KiwiAirlines");
    assert!(in_airlines.is_same(&ours, &saved_airlines), "{}: {ours}\n{saved_airlines}", database.name());
}

/// The constructor's arguments of the class `CurrencyRates`.
fn rates(database: &Database) -> serde_json::Value {
    json!({ "database": database.sqlalchemy_url(), "table_name": "currency_rates", "key": "currency" })
}

fn airlines(database: &Database) -> serde_json::Value {
    json!({ "database": database.sqlalchemy_url(), "table_name": "kiwi_airlines", "key": "iata" })
}

/// The map that `SQLAlchemyResource` saves.
fn saved_by_python(redis: &RedisServer, class: &str, options: serde_json::Value, columns: &[&str]) -> String {
    let mut python = Python::start(redis, class, &options);
    python.save(json!({ "columns": columns })).unwrap();
    record_data(redis, class)
}
