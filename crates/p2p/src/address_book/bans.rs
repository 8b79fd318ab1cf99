//! Addresses that are not spoken to for some time.

use std::net::IpAddr;
use std::time::Duration;

/// Bans, each with an end.
#[derive(Debug, Default)]
pub struct BanList {}

impl BanList {
    /// Bans `ip` until `now + time`.
    pub fn ban(&mut self, now: Duration, ip: IpAddr, time: Duration) {}
    /// Takes a ban back; whether there was one.
    pub fn unban(&mut self, ip: IpAddr) -> bool {
        false
    }
    /// Whether `ip` is banned.
    pub fn is_banned(&self, now: Duration, ip: IpAddr) -> bool {
        false
    }
    /// All bans that have not ended: address and end.
    pub fn list(&self, now: Duration) -> Vec<(IpAddr, Duration)> {
        Vec::new()
    }
}
