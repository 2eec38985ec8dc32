//! The loader that `../README.md` prints, and its unit test.

include!(concat!(env!("OUT_DIR"), "/readme.rs"));
