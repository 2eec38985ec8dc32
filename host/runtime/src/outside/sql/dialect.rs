//! The kinds of databases.

/// A kind of database, with its own words and quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    /// MariaDB too.
    MySql,
    Sqlite,
}

impl Dialect {
    /// Its name in the contract.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    /// An identifier as it stands in a statement, whatever it holds.
    pub(crate) fn quote(self, identifier: &str) -> String {
        let quote = if self == Self::MySql { '`' } else { '"' };
        let mut quoted = String::with_capacity(identifier.len() + 2);
        quoted.push(quote);
        for char in identifier.chars() {
            if char == quote {
                quoted.push(quote);
            }
            quoted.push(char);
        }
        quoted.push(quote);
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_within_an_identifier_is_doubled() {
        assert_eq!(Dialect::Postgres.quote(r#"a"; DROP TABLE b"#), r#""a""; DROP TABLE b""#);
        assert_eq!(Dialect::Sqlite.quote("a`b"), "\"a`b\"");
        assert_eq!(Dialect::MySql.quote("a`b\"c"), "`a``b\"c`");
    }
}
