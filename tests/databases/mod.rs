//! Real databases: a server of each kind for all tests of a program, and a database in it for each test.
//!
//! A server ends with the program, however that ends: a shell in front of it waits for the end of its standard input.
#![allow(dead_code, unused_imports, reason = "each test program that includes this uses some of it")]

mod guarded;
mod mariadb;
mod pgbouncer;
mod postgres;

pub(crate) use mariadb::{MariaDb, MariaDbDatabase};
pub(crate) use pgbouncer::PgBouncer;
pub(crate) use postgres::{Postgres, PostgresDatabase};
