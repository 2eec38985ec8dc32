//! docs/databases.md: what it says can be done, done as it is written there.

use serde_json::json;

use crate::databases::{MariaDb, Postgres};
use crate::redis_server::RedisServer;
use crate::support::{WorkDir, page, plugin};

const ROWS: &str = "INSERT INTO currency_rates VALUES ('EUR', 1), ('USD', 1.1)";

/// The configuration of the page, for a store and a database of this test.
fn config(redis: &RedisServer, url: &str) -> String {
    let blocks = page("docs/databases.md").blocks("toml");
    blocks[0]
        .replace("redis://127.0.0.1:6379", &redis.url())
        .replace("postgres://reader@db.example.com/shop", url)
        .replace("plugins/table.wasm", plugin("table").to_str().expect("text"))
}

#[test]
fn the_configuration_and_the_roles_of_the_page_load_a_table() {
    let redis = RedisServer::start();
    let blocks = page("docs/databases.md").blocks("sql");
    let [for_postgres, for_mysql] = &blocks[..] else { panic!("two blocks of SQL: {blocks:?}") };

    let postgres = Postgres::start(&[]);
    let database = postgres.database();
    database.sql(&format!("CREATE TABLE currency_rates (currency text PRIMARY KEY, course numeric(10,4)); {ROWS}"));
    database.sql(for_postgres);
    let of_postgres = format!("postgres://reader@127.0.0.1:{}/{}", postgres.port(), database.name());

    let mariadb = MariaDb::start(&[]);
    let shop = mariadb.database();
    shop.sql("CREATE DATABASE shop");
    shop.sql(&format!(
        "USE shop; CREATE TABLE currency_rates (currency varchar(3) PRIMARY KEY, course decimal(10,4)); {ROWS}"
    ));
    shop.sql(for_mysql);
    let of_mariadb = format!("mysql://reader@127.0.0.1:{}/shop", mariadb.port());

    for url in [of_postgres, of_mariadb] {
        let workdir = WorkDir::with(&config(&redis, &url));
        let run = |args: &[&str]| workdir.shell("SHOP_PASSWORD=... \"$@\"", args).output().expect("sh");
        let refilled = run(&["refill", "currency_rates"]);
        assert!(refilled.status.success(), "{refilled:?}");
        let got = run(&["get", "currency_rates", "USD"]);
        let row: serde_json::Value = serde_json::from_slice(&got.stdout).expect("JSON");
        assert_eq!(row, json!({ "currency": "USD", "course": 1.1 }));
        assert!(String::from_utf8_lossy(&got.stdout).contains("1.1000"), "all digits: {got:?}");
        let checked = run(&["check"]);
        assert!(
            String::from_utf8_lossy(&checked.stdout).contains("connection `shop`: it can be reached"),
            "{checked:?}"
        );
    }
}
