//! The pool from outside: each rule at its limit and one past it, and everything at random against a plain model.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod chain;
mod codes;
mod eviction;
mod fees;
mod form;
mod packages;
mod property;
mod replacement;
mod rules;
mod save;
mod signed;
mod support;
