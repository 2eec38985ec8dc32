//! The types of each database, with values of them.

/// A value of a type, as SQL.
pub(super) struct Value {
    pub(super) ty: &'static str,
    pub(super) literal: &'static str,
}

const fn value(ty: &'static str, literal: &'static str) -> Value {
    Value { ty, literal }
}

/// The types of PostgreSQL's users among those below.
pub(super) const POSTGRES_TYPES: &str =
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a integer, b text);
    CREATE DOMAIN positive AS integer CHECK (value > 0);";

/// Values of the types of PostgreSQL.
pub(super) const POSTGRES: &[Value] = &[
    value("boolean", "true"),
    value("smallint", "-32768"),
    value("integer", "2147483647"),
    value("bigint", "9223372036854775807"),
    value("real", "0.1"),
    value("double precision", "0.1"),
    value("double precision", "1e300"),
    value("double precision", "'-0'"),
    value("double precision", "'NaN'"),
    value("double precision", "'Infinity'"),
    value("numeric", "12345678901234567890.1234567890"),
    value("numeric(10,2)", "1.10"),
    value("numeric", "1e30"),
    value("numeric", "0.00000001"),
    value("numeric", "'NaN'"),
    value("money", "1234.5"),
    value("text", r#"'é" \'"#),
    value("varchar(10)", "'v'"),
    value("char(5)", "'c'"),
    value(r#""char""#, "'z'"),
    value("date", "'2026-01-02'"),
    value("date", "'0044-03-15 BC'"),
    value("date", "'infinity'"),
    value("time", "'12:34:56'"),
    value("time", "'12:34:56.789'"),
    value("timetz", "'12:34:56+02'"),
    value("timestamp", "'2026-01-02 03:04:05'"),
    value("timestamp", "'2026-01-02 03:04:05.678901'"),
    value("timestamp", "'2026-01-02 03:04:05.5'"),
    value("timestamp", "'infinity'"),
    value("timestamptz", "'2026-01-02 03:04:05+02'"),
    value("timestamptz", "'0044-03-15 12:00:00 BC'"),
    value("interval", "'1 day 02:03:04'"),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("json", "'12345678901234567890.123456789'"),
    value("jsonb", r#"'{"a": 1.10}'"#),
    value("bytea", r#"'\x00ff'"#),
    value("integer[]", "'{1,NULL,3}'"),
    value("text[]", r#"'{"a,b",NULL}'"#),
    value("numeric[]", "'{1.10}'"),
    value("date[]", "'{2026-01-02}'"),
    value("uuid[]", "'{6ccd780c-baba-1026-9564-0040f4311e29}'"),
    value("timestamp[]", "'{2026-01-02 03:04:05}'"),
    value("mood", "'ok'"),
    value("positive", "5"),
    value("inet", "'10.0.0.1/8'"),
    value("cidr", "'10.0.0.0/8'"),
    value("macaddr", "'08:00:2b:01:02:03'"),
    value("bit(4)", "b'1010'"),
    value("point", "'(1,2)'"),
    value("int4range", "'[1,5)'"),
    value("xml", "'<a/>'"),
    value("pair", r#"'(1,"x y")'"#),
    value("tsvector", "'a fat cat'"),
    value("oid", "42"),
    value("name", "'nm'"),
    value("text", "NULL"),
];

/// Values of the types of MariaDB.
pub(super) const MARIADB: &[Value] = &[
    value("tinyint", "-128"),
    value("smallint", "-32768"),
    value("mediumint", "8388607"),
    value("integer", "2147483647"),
    value("bigint", "-9223372036854775808"),
    value("tinyint(1)", "1"),
    value("boolean", "true"),
    value("bigint unsigned", "18446744073709551615"),
    value("float", "0.1"),
    value("double", "0.1"),
    value("decimal(38,10)", "12345678901234567890.1234567890"),
    value("decimal(10,2)", "1.10"),
    value("decimal(30,12)", "0.000000001"),
    value("char(5)", "'c'"),
    value("varchar(20)", r#"'é"'"#),
    value("text", "'t'"),
    value("varbinary(10)", "'text'"),
    value("varbinary(10)", "x'00ff'"),
    value("binary(4)", "'te'"),
    value("blob", "x'00ff'"),
    value("date", "'2026-01-02'"),
    value("time(6)", "'12:34:56.5'"),
    value("time", "'-838:59:58'"),
    value("datetime", "'2026-01-02 03:04:05'"),
    value("datetime(6)", "'2026-01-02 03:04:05.678901'"),
    value("timestamp(6) null", "'2026-01-02 03:04:05'"),
    value("date", "'0000-00-00'"),
    value("datetime", "'0000-00-00 00:00:00'"),
    value("year", "2026"),
    value("json", r#"'{"a": 1.10}'"#),
    value("enum('sad','ok')", "'ok'"),
    value("set('a','b')", "'a,b'"),
    value("bit(4)", "b'1010'"),
    value("bit(12)", "b'101010101010'"),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("inet6", "'::1'"),
    value("point", "point(1,2)"),
    value("int(6) zerofill", "42"),
    value("text", "NULL"),
];

/// Values in columns of SQLite, by the type that a column declares.
pub(super) const SQLITE: &[Value] = &[
    value("integer", "2147483647"),
    value("bigint", "9223372036854775807"),
    value("boolean", "true"),
    value("real", "0.1"),
    value("real", "9e999"),
    value("numeric", "'12345678901234567890.1234567890'"),
    value("decimal(10,2)", "'1.10'"),
    value("text", r#"'é"'"#),
    value("varchar(10)", "'v'"),
    value("blob", "x'00ff'"),
    value("blob", "x'74657874'"),
    value("blob", "'text'"),
    value("date", "'2026-01-02'"),
    value("datetime", "'2026-01-02 03:04:05.678901'"),
    value("timestamp", "'2026-01-02T03:04:05Z'"),
    value("json", r#"'{"a": 1.10}'"#),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("integer", "'not a number'"),
    value("", "'any'"),
    value("text", "NULL"),
];

/// Keys of PostgreSQL.
pub(super) const POSTGRES_KEYS: &[Value] = &[
    value("integer", "42"),
    value("bigint", "9223372036854775807"),
    value("numeric(10,2)", "1.10"),
    value("boolean", "true"),
    value("double precision", "0.1"),
    value("double precision", "1e300"),
    value("date", "'2026-01-02'"),
    value("timestamp", "'2026-01-02 03:04:05'"),
    value("time", "'12:34:56'"),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("varchar(5)", "'é'"),
    value("char(5)", "'c'"),
    value("bytea", "'text'"),
];

/// Keys of MariaDB.
pub(super) const MARIADB_KEYS: &[Value] = &[
    value("integer", "42"),
    value("bigint", "9223372036854775807"),
    value("numeric(10,2)", "1.10"),
    value("boolean", "true"),
    value("double precision", "0.1"),
    value("double precision", "1e300"),
    value("date", "'2026-01-02'"),
    value("datetime", "'2026-01-02 03:04:05'"),
    value("time", "'12:34:56'"),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("varchar(5)", "'é'"),
    value("varbinary(10)", "'text'"),
];

/// Keys of SQLite.
pub(super) const SQLITE_KEYS: &[Value] = &[
    value("integer", "42"),
    value("bigint", "9223372036854775807"),
    value("numeric(10,2)", "1.10"),
    value("boolean", "true"),
    value("double precision", "0.1"),
    value("double precision", "1e300"),
    value("date", "'2026-01-02'"),
    value("timestamp", "'2026-01-02 03:04:05'"),
    value("time", "'12:34:56'"),
    value("uuid", "'6ccd780c-baba-1026-9564-0040f4311e29'"),
    value("varchar(5)", "'é'"),
    value("blob", "x'74657874'"),
];
