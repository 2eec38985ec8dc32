//! The `kiwi-host` command as people and scripts meet it: a process of its own, on real stores.

mod configuration;
mod help;
mod looking;
mod running;
mod support;
