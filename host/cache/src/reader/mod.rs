//! The readers: store -> snapshot -> the service.
