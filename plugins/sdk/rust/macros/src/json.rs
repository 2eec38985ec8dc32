//! Literals of Rust as JSON text: the defaults that authors write.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, Result, UnOp};

/// The JSON text of a literal: a text, a character, a number, a boolean, or an array of these.
pub(crate) fn text(value: &Expr) -> Result<String> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => literal(lit),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if is_number(expr) => Ok(format!("-{}", text(expr)?)),
        Expr::Array(array) => {
            let items: Vec<String> = array.elems.iter().map(text).collect::<Result<_>>()?;
            Ok(format!("[{}]", items.join(",")))
        }
        other => Err(not_a_literal(other.span())),
    }
}

fn literal(literal: &Lit) -> Result<String> {
    match literal {
        Lit::Str(text) => Ok(quoted(&text.value())),
        Lit::Char(character) => Ok(quoted(&character.value().to_string())),
        Lit::Bool(value) => Ok(value.value.to_string()),
        Lit::Int(number) => Ok(number.base10_digits().to_owned()),
        Lit::Float(number) => {
            // JSON does not allow `1.`, and Rust allows no `.5`.
            let digits = number.base10_digits();
            Ok(if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() })
        }
        other => Err(not_a_literal(other.span())),
    }
}

fn is_number(value: &Expr) -> bool {
    matches!(value, Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }))
}

fn not_a_literal(span: Span) -> Error {
    Error::new(
        span,
        "a default is the setting's value as an operator would write it: a text, a number, `true`, `false`, or an \
         array of these; for anything else use `#[serde(default = \"path::to::function\")]`",
    )
}

fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control.is_ascii_control() => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn literals_become_json() {
        let json = |value: Expr| text(&value).unwrap();
        assert_eq!(json(parse_quote!("a \"b\" \\ \n é")), r#""a \"b\" \\ \u000a é""#);
        assert_eq!(json(parse_quote!(',')), r#"",""#);
        assert_eq!(json(parse_quote!(1_000)), "1000");
        assert_eq!(json(parse_quote!(-7)), "-7");
        assert_eq!(json(parse_quote!(1.)), "1.0");
        assert_eq!(json(parse_quote!(-2.5)), "-2.5");
        assert_eq!(json(parse_quote!(["a", "b"])), r#"["a","b"]"#);
        assert_eq!(json(parse_quote!(true)), "true");
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [parse_quote!(now()), parse_quote!(-"a"), parse_quote!(b"a"), parse_quote!([CONST])] {
            let value: Expr = value;
            assert!(text(&value).unwrap_err().to_string().contains("as an operator would write it"));
        }
    }
}
