//! Everything that differs between two chains, as data with a TOML form.
