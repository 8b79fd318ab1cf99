//! Generators and an in-memory chain builder for tests.
