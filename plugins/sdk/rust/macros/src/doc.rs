//! Doc comments as help for the operator.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The first paragraph of a doc comment, on one line. What follows it is for readers of the code.
pub(crate) fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(doc_line);
    let text = lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n");
    let paragraph = text.trim_start().split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::{DeriveInput, parse_quote};

    use super::*;

    #[test]
    fn help_is_the_first_paragraph() {
        let item: DeriveInput = parse_quote! {
            /// Where to get it,
            /// by `https`.
            ///
            /// More about this.
            struct S;
        };
        assert_eq!(first_paragraph(&item.attrs), "Where to get it, by `https`.");
        let bare: DeriveInput = parse_quote! { #[derive(Debug)] struct S; };
        assert_eq!(first_paragraph(&bare.attrs), "");
    }
}
