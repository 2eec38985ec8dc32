//! Real servers and the real command, for the end-to-end tests.
