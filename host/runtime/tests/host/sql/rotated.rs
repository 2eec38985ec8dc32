//! Passwords from files: read for each load, so that a new one needs no restart.

use kiwi_host::{Connection, DatabaseUrl, FailureKind, Outcome, SecretSource};
use serde_json::json;

use super::{AIRLINES, Database, with_connection};
use crate::support::{Setup, assert_failure, name, refill};

#[tokio::test]
async fn a_rotated_password_is_used_by_the_next_load() {
    for database in [Database::postgres(), Database::mariadb()] {
        database.sql(AIRLINES);
        let setup = Setup::new();
        let file = setup.path().join("password");
        let user = match &database {
            Database::Postgres(database) => database.name().to_owned(),
            Database::MariaDb(database) => database.name().to_owned(),
            Database::Sqlite(_) => unreachable!(),
        };
        let url = database.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (credentials, place) = rest.split_once('@').unwrap();
        let password = credentials.split_once(':').unwrap().1;
        std::fs::write(&file, format!("{password}\n")).unwrap();
        let connection = Connection {
            password: Some(SecretSource::File(file.clone())),
            ..Connection::new("shop", DatabaseUrl::Plain(format!("{scheme}://{user}@{place}"))).unwrap()
        };
        let settings = json!({ "connection": "shop", "table": "kiwi_airlines", "key": "code", "mark": "none" });
        let host = setup.host([with_connection(connection, settings)]).await;
        let load = async || refill(&host, &name("rows")).await;
        assert!(matches!(load().await, Outcome::Published { .. }), "{database:?}");

        let change = match database {
            Database::Postgres(_) => format!("ALTER ROLE {user} PASSWORD 'n3w-s3cret'"),
            _ => format!(
                "ALTER USER {user}@'127.0.0.1' IDENTIFIED BY 'n3w-s3cret'; ALTER USER {user}@'localhost' IDENTIFIED BY 'n3w-s3cret'"
            ),
        };
        database.sql(&change);
        let Outcome::Failed(failure) = load().await else { panic!("{database:?}: the old password") };
        assert_eq!(failure.kind, FailureKind::Unavailable, "{database:?}: {failure}");
        assert!(!failure.message.contains(password), "{failure}");

        std::fs::write(&file, "n3w-s3cret").unwrap();
        assert!(matches!(load().await, Outcome::Unchanged { .. }), "{database:?}");
        std::fs::remove_file(&file).unwrap();
        let Outcome::Failed(failure) = load().await else { panic!("{database:?}: without a password") };
        assert_eq!(failure.kind, FailureKind::Unavailable, "{database:?}: {failure}");
        assert!(failure.message.contains("cannot be read"), "{failure}");
    }
}

/// A named pipe that nobody writes to hangs whoever reads it, as a lost mount does.
#[tokio::test]
async fn a_url_that_cannot_be_read_in_time_holds_up_neither_the_host_nor_the_load() {
    let setup = Setup::new();
    let pipe = setup.path().join("url");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let connection = Connection::new("shop", DatabaseUrl::Secret(SecretSource::File(pipe.clone()))).unwrap();
    let settings = json!({ "connection": "shop", "table": "kiwi_airlines", "key": "code" });
    let mut config = with_connection(connection, settings);
    config.limits.load_timeout = std::time::Duration::from_secs(3);
    let host = setup.host([config]).await;
    let Outcome::Failed(failure) = refill(&host, &name("rows")).await else { panic!("there is no URL") };
    assert_failure(&failure, FailureKind::Limit, &["longer than 3s", "waiting for the URL"]);
    // The threads that hang end.
    std::fs::write(&pipe, "sqlite:/nowhere").unwrap();
}
