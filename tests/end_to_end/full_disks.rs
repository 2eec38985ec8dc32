//! An embedded store on a disk that is full.

use std::path::Path;
use std::process::Command;

use crate::support::{Desk, eventually, numbers_in};
