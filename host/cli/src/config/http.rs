//! The table `[http]`: how the requests of all plugins leave this machine.

use std::path::Path;

use kiwi_host::{ClientCertificate, HttpOptions, Proxy};

use super::secret::secret;
use super::section::Section;
use super::value::mismatch;

/// Reads `[http]` of the top level.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> HttpOptions {
    let Some(mut section) = top.section("http") else { return HttpOptions::default() };
    let proxy = section.value("proxy", |item| match item.as_str() {
        Some(url) => Proxy::new(url).map_err(|error| error.to_string()),
        None if item.is_table_like() => secret(item, base).map(Proxy::from_secret),
        None => Err(mismatch("a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`", item)),
    });
    let except = section.texts("no_proxy", str::parse);
    if except.is_some() && !section.has("proxy") {
        section
            .problem_at("no_proxy", "`no_proxy` has no effect without `proxy`; remove it, or add `proxy`".to_owned());
    }
    let mut path = |key: &'static str| section.text(key, |path| Ok(base.join(path)));
    let (ca, certificate, key) = (path("ca"), path("cert"), path("key"));
    for (one, other) in [("cert", "key"), ("key", "cert")] {
        if section.has(one) && !section.has(other) {
            section.problem_at(
                one,
                format!("`{one}` has no effect without `{other}`: expected both files of a client certificate"),
            );
        }
    }
    let client_certificate = certificate.zip(key).map(|(certificate, key)| ClientCertificate { certificate, key });
    section.finish();
    HttpOptions { proxy: proxy.map(|proxy| proxy.except(except.unwrap_or_default())), ca, client_certificate }
}
