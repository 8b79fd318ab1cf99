//! What is known of one address, and whether it is worth a call.

use std::net::{IpAddr, SocketAddr};

use super::table::Slot;
use crate::message::{AddressV2, NetworkAddress, Services, UnixTime};

/// Most slots of the new table that hold one address (Core's `ADDRMAN_NEW_BUCKETS_PER_ADDRESS`).
pub(super) const MAX_NEW_SLOTS: usize = 8;

const MINUTE: u32 = 60;
const DAY: u32 = 24 * 60 * MINUTE;
/// An address that was not seen for this long is given up (Core's `ADDRMAN_HORIZON`).
const HORIZON: u32 = 30 * DAY;
/// How far the time of an entry may be ahead of the clock.
const AHEAD: u32 = 10 * MINUTE;
/// Failed calls after which an address that never answered is given up (Core's `ADDRMAN_RETRIES`).
const MAX_RETRIES: u32 = 3;
/// Failed calls after which an address that has not answered for [`FAILING_FOR`] is given up (Core's
/// `ADDRMAN_MAX_FAILURES`).
const MAX_FAILURES: u32 = 10;
/// Core's `ADDRMAN_MIN_FAIL`.
const FAILING_FOR: u32 = 7 * DAY;
/// An address called within this time is called again only now and then.
const JUST_TRIED: u32 = 10 * MINUTE;

/// Where an address stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was only heard of: 1 to [`MAX_NEW_SLOTS`] slots of the new table.
    New(Vec<Slot>),
    /// A handshake succeeded there: one slot of the tried table.
    Tried(Slot),
}

/// What is known of one address.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) services: Services,
    /// When someone last saw it, as far as is known.
    pub(super) last_seen: UnixTime,
    /// Who told of it first.
    pub(super) source: IpAddr,
    pub(super) last_try: Option<UnixTime>,
    /// The last call that counted as failed, should it have failed.
    pub(super) last_counted: Option<UnixTime>,
    pub(super) last_success: Option<UnixTime>,
    /// Calls since the last success that counted.
    pub(super) attempts: u32,
    pub(super) place: Place,
}

impl Entry {
    pub(super) fn new(services: Services, last_seen: UnixTime, source: IpAddr) -> Self {
        Self {
            services,
            last_seen,
            source,
            last_try: None,
            last_counted: None,
            last_success: None,
            attempts: 0,
            place: Place::New(Vec::new()),
        }
    }

    pub(super) fn is_tried(&self) -> bool {
        matches!(self.place, Place::Tried(_))
    }

    /// Slots of the new table that hold it.
    pub(super) fn new_slots(&self) -> usize {
        match &self.place {
            Place::New(slots) => slots.len(),
            Place::Tried(_) => 0,
        }
    }

    /// Whether the address is not worth its slot: seen last more than 30 days ago, three calls and never an answer, or
    /// ten calls and no answer for a week. Never within a minute of a call, which may still be answered (Core's
    /// `AddrInfo::IsTerrible`).
    pub(super) fn is_terrible(&self, now: UnixTime) -> bool {
        if self.last_try.is_some_and(|at| since(now, at) <= MINUTE) {
            return false;
        }
        let from_the_future = since(self.last_seen, now) > AHEAD;
        let failed = match self.last_success {
            None => self.attempts >= MAX_RETRIES,
            Some(at) => self.attempts >= MAX_FAILURES && since(now, at) > FAILING_FOR,
        };
        from_the_future || failed || since(now, self.last_seen) > HORIZON
    }

    /// How likely the address is taken when it is drawn, from 0 to 1: a hundredth within ten minutes of a call, and two
    /// thirds for each call that failed, eight of them at most (Core's `AddrInfo::GetChance`).
    pub(super) fn chance(&self, now: UnixTime) -> f64 {
        let recent = self.last_try.is_some_and(|at| since(now, at) < JUST_TRIED);
        let failures = i32::try_from(self.attempts.min(8)).unwrap_or(8);
        (if recent { 0.01 } else { 1.0 }) * 0.66_f64.powi(failures)
    }

    /// The entry of an address message.
    pub(super) fn told(&self, addr: SocketAddr) -> AddressV2 {
        AddressV2 {
            last_seen: self.last_seen,
            services: self.services,
            address: NetworkAddress::from_ip(addr.ip()),
            port: addr.port(),
        }
    }
}

/// Seconds from `then` to `now`; zero if it is ahead.
pub(super) fn since(now: UnixTime, then: UnixTime) -> u32 {
    now.to_u32().saturating_sub(then.to_u32())
}

/// The time `seconds` before `time`.
pub(super) fn before(time: UnixTime, seconds: u32) -> UnixTime {
    UnixTime::new(time.to_u32().saturating_sub(seconds))
}
