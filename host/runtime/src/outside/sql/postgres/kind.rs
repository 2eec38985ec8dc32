//! How a column is asked for, and how its values are written.

use tokio_postgres::Column;
use tokio_postgres::types::{Kind as TypeKind, Type};

use crate::outside::sql::dialect::Dialect;

/// What a value is, as it comes in binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Json,
    Jsonb,
    Bytea,
    Text,
}

/// How a column is asked for.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As it is.
    Binary(Kind),
    /// By `to_json`: arrays and composite types.
    Json,
    /// As text: what we do not know, extensions' types too.
    Text,
}

/// How a statement is asked so that all its columns can be written, and what they are then.
pub(super) struct Plan {
    /// `None`: as it is.
    pub(super) statement: Option<String>,
    pub(super) kinds: Vec<Kind>,
}

impl Plan {
    pub(super) fn of(statement: &str, columns: &[Column]) -> Self {
        let ways: Vec<Way> = columns.iter().map(|column| way(column.type_())).collect();
        let kinds = ways.iter().map(|way| match way {
            Way::Binary(kind) => *kind,
            Way::Json => Kind::Json,
            Way::Text => Kind::Text,
        });
        let kinds = kinds.collect();
        if ways.iter().all(|way| matches!(way, Way::Binary(_))) {
            return Self { statement: None, kinds };
        }
        // By place, because names may repeat.
        let values: Vec<String> = ways
            .iter()
            .enumerate()
            .map(|(place, way)| match way {
                Way::Binary(_) => format!("c{place}"),
                Way::Json => format!("to_json(c{place})"),
                Way::Text => format!("c{place}::text"),
            })
            .collect();
        let names: Vec<String> = (0..ways.len()).map(|place| format!("c{place}")).collect();
        let statement = format!("SELECT {} FROM ({statement}\n) AS q({})", values.join(", "), names.join(", "));
        Self { statement: Some(statement), kinds }
    }
}

fn way(ty: &Type) -> Way {
    match ty.kind() {
        TypeKind::Domain(base) => return way(base),
        TypeKind::Enum(_) => return Way::Binary(Kind::Text),
        TypeKind::Array(_) | TypeKind::Composite(_) => return Way::Json,
        TypeKind::Simple => {}
        _ => return Way::Text,
    }
    Way::Binary(match *ty {
        Type::BOOL => Kind::Bool,
        Type::INT2 => Kind::Int2,
        Type::INT4 => Kind::Int4,
        Type::INT8 => Kind::Int8,
        Type::OID => Kind::Oid,
        Type::FLOAT4 => Kind::Float4,
        Type::FLOAT8 => Kind::Float8,
        Type::NUMERIC => Kind::Numeric,
        Type::DATE => Kind::Date,
        Type::TIME => Kind::Time,
        Type::TIMESTAMP => Kind::Timestamp,
        Type::TIMESTAMPTZ => Kind::TimestampTz,
        Type::UUID => Kind::Uuid,
        Type::JSON => Kind::Json,
        Type::JSONB => Kind::Jsonb,
        Type::BYTEA => Kind::Bytea,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => Kind::Text,
        // int2vector, oidvector and record are no arrays or composites by kind.
        Type::RECORD => return Way::Json,
        _ => return Way::Text,
    })
}

/// A type as the database spells it.
pub(super) fn type_name(ty: &Type) -> String {
    match ty.kind() {
        TypeKind::Array(member) => format!("{}[]", type_name(member)),
        _ if ty.schema() == "pg_catalog" => ty.name().to_owned(),
        _ => format!("{}.{}", Dialect::Postgres.quote(ty.schema()), Dialect::Postgres.quote(ty.name())),
    }
}
