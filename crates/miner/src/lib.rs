//! From a block template to a solved header.
