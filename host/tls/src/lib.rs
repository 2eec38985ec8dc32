//! The one TLS configuration of kiwi-host and its readers: rustls with aws-lc-rs, and the certificates that the
//! system trusts.
//!
//! It never reads or sets the default provider of the process, which belongs to the program that links this.
//!
//! ```
//! use kiwi_tls::TlsOptions;
//!
//! let trusting = TlsOptions::new().with_ca("/etc/kiwi/no-such-ca.pem");
//! let error = trusting.client_config().unwrap_err();
//! assert!(error.to_string().contains("/etc/kiwi/no-such-ca.pem"));
//! ```

mod error;
mod options;

pub use error::Error;
pub use options::TlsOptions;
/// The configuration that rustls clients, such as tokio-rustls and reqwest, take.
pub use rustls::ClientConfig;
