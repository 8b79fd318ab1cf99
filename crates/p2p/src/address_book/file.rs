//! The address book and the bans as the bytes of `peers.dat`, and back.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entry::{Entry, MAX_NEW_SLOTS, Place};
use super::table::NEW_BUCKETS;
use super::{AddressBook, BanList, MAX_ADDRESSES, MAX_BANS, canonical};
use crate::message::{Services, UnixTime};

/// Longest `peers.dat` in bytes that is read: 16 MiB. A full one has less.
pub const MAX_PEERS_FILE: usize = 16 << 20;

const MAGIC: [u8; 4] = *b"cper";
const VERSION: u32 = 1;
/// Bytes before the body: magic, version and checksum, four bytes each, least significant first.
const HEADER: usize = 12;

/// The form of the body: bincode with variable-length integers, least significant first.
const BODY: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_PEERS_FILE>,
> = bincode::config::standard().with_limit::<MAX_PEERS_FILE>();

/// What is kept of the peers between two runs.
#[derive(Clone, Debug)]
pub struct PeersFile {
    /// The nodes that are known of.
    pub book: AddressBook,
    /// The addresses that are not spoken to.
    pub bans: BanList,
}

/// Why the bytes of a `peers.dat` were not taken.
#[derive(Debug, Error)]
pub enum PeersFileError {
    /// Shorter than what stands before the body.
    #[error("the file has {got} bytes, at least {limit} are needed")]
    TooShort {
        /// Its length in bytes.
        got: usize,
        /// The least.
        limit: usize,
    },
    /// Longer than the file may be.
    #[error("the file has {got} bytes, at most {limit} are read")]
    TooLong {
        /// Its length in bytes.
        got: usize,
        /// [`MAX_PEERS_FILE`].
        limit: usize,
    },
    /// Another kind of file.
    #[error("the file begins with {got:02x?}, not with {expected:02x?}")]
    Magic {
        /// Its first four bytes.
        got: [u8; 4],
        /// What it should begin with.
        expected: [u8; 4],
    },
    /// Bytes were changed or lost.
    #[error("the file's checksum is {got:08x}, its bytes give {expected:08x}: it is damaged")]
    Checksum {
        /// What the file says.
        got: u32,
        /// CRC-32C of its version and body.
        expected: u32,
    },
    /// A version this program does not know.
    #[error("the file has version {got}, this program knows {expected}")]
    Version {
        /// Its version.
        got: u32,
        /// The version known.
        expected: u32,
    },
    /// The checksum holds, but the body is not of the form its version says.
    #[error("the file's body is malformed")]
    Body(#[from] bincode::error::DecodeError),
    /// Bytes follow the body.
    #[error("{count} bytes follow the file's body")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// More addresses than a book holds.
    #[error("the file holds {got} addresses, at most {limit} are read")]
    TooManyAddresses {
        /// How many it holds.
        got: usize,
        /// [`MAX_ADDRESSES`].
        limit: usize,
    },
    /// More bans than are kept.
    #[error("the file holds {got} bans, at most {limit} are read")]
    TooManyBans {
        /// How many it holds.
        got: usize,
        /// [`MAX_BANS`].
        limit: usize,
    },
    /// An address stands where it cannot: twice in the file, in a bucket that does not exist, in more than eight, or in
    /// a slot that another has.
    #[error("address {index} of the file stands where it cannot")]
    Place {
        /// Its number in the file.
        index: usize,
    },
}

#[derive(Serialize, Deserialize)]
struct Body {
    key: [u8; 32],
    addresses: Vec<Saved>,
    bans: Vec<(IpAddr, u64)>,
}

/// An address as it is saved. When it was called last is not, so that after a start everyone may be called.
#[derive(Serialize, Deserialize)]
struct Saved {
    addr: SocketAddr,
    services: u64,
    last_seen: u32,
    source: IpAddr,
    last_success: Option<u32>,
    attempts: u32,
    /// Buckets of the new table that have it; none if it is a tried one, whose place the key decides.
    buckets: Vec<u16>,
}

impl PeersFile {
    /// The bytes of a file that [`from_bytes`](Self::from_bytes) reads.
    ///
    /// They are `cper`, the version 1 and the CRC-32C of version and body (four bytes each, least significant first), then
    /// the body in bincode: the book's key, the number of addresses and each with what is known of it, the number of bans
    /// and each with its end in seconds since 1970.
    pub fn to_bytes(book: &AddressBook, bans: &BanList) -> Vec<u8> {
        let addresses = book.entries.iter().map(|(addr, entry)| Saved::new(*addr, entry)).collect();
        let body = Body { key: book.key.bytes(), addresses, bans: bans.ends().collect() };
        let body = bincode::serde::encode_to_vec(&body, BODY).expect("numbers in memory can be encoded");
        let version = VERSION.to_le_bytes();
        [&MAGIC, &version, &checksum(version, &body).to_le_bytes(), body.as_slice()].concat()
    }

    /// The book and the bans that `bytes` hold.
    ///
    /// # Errors
    /// A [`PeersFileError`] when they are damaged, of another file or version, or say what cannot be. Nothing is taken
    /// from such a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PeersFileError> {
        let Body { key, addresses, bans } = open(bytes)?;
        let (got, limit) = (addresses.len(), MAX_ADDRESSES);
        if got > limit {
            return Err(PeersFileError::TooManyAddresses { got, limit });
        }
        let (got, limit) = (bans.len(), MAX_BANS);
        if got > limit {
            return Err(PeersFileError::TooManyBans { got, limit });
        }
        let mut book = AddressBook::new(key);
        for (index, saved) in addresses.into_iter().enumerate() {
            book.restore(saved).ok_or(PeersFileError::Place { index })?;
        }
        Ok(Self { book, bans: BanList::from_ends(bans) })
    }
}

impl AddressBook {
    /// Puts a saved address where it stood; `None` if it cannot stand there.
    fn restore(&mut self, saved: Saved) -> Option<()> {
        let addr = saved.addr;
        if addr != canonical(addr) || self.entries.contains_key(&addr) || saved.buckets.len() > MAX_NEW_SLOTS
        {
            return None;
        }
        let place = if saved.buckets.is_empty() {
            let slot = self.key.tried_slot(addr);
            self.tried.put(slot, addr).is_none().then_some(Place::Tried(slot))?
        } else {
            let mut slots = Vec::new();
            for bucket in saved.buckets.iter().filter(|bucket| **bucket < NEW_BUCKETS) {
                let slot = self.key.new_slot_in(*bucket, addr);
                slots.extend(self.new.put(slot, addr).is_none().then_some(slot));
            }
            (slots.len() == saved.buckets.len()).then_some(Place::New(slots))?
        };
        let services = Services::from_bits(saved.services);
        let mut entry = Entry::new(services, UnixTime::new(saved.last_seen), saved.source.to_canonical());
        entry.last_success = saved.last_success.map(UnixTime::new);
        entry.attempts = saved.attempts;
        entry.place = place;
        self.entries.insert(addr, entry);
        Some(())
    }
}

impl Saved {
    fn new(addr: SocketAddr, entry: &Entry) -> Self {
        Self {
            addr,
            services: entry.services.to_bits(),
            last_seen: entry.last_seen.to_u32(),
            source: entry.source,
            last_success: entry.last_success.map(UnixTime::to_u32),
            attempts: entry.attempts,
            buckets: match &entry.place {
                Place::New(slots) => slots.iter().map(|slot| slot.bucket).collect(),
                Place::Tried(_) => Vec::new(),
            },
        }
    }
}

/// Checks the frame and reads the body.
fn open(bytes: &[u8]) -> Result<Body, PeersFileError> {
    let got = bytes.len();
    if got > MAX_PEERS_FILE {
        return Err(PeersFileError::TooLong { got, limit: MAX_PEERS_FILE });
    }
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(PeersFileError::TooShort { got, limit: HEADER });
    };
    let [m0, m1, m2, m3, v0, v1, v2, v3, sum @ ..] = *header;
    let (magic, version, sum) = ([m0, m1, m2, m3], [v0, v1, v2, v3], u32::from_le_bytes(sum));
    if magic != MAGIC {
        return Err(PeersFileError::Magic { got: magic, expected: MAGIC });
    }
    let expected = checksum(version, body);
    if sum != expected {
        return Err(PeersFileError::Checksum { got: sum, expected });
    }
    let got = u32::from_le_bytes(version);
    if got != VERSION {
        return Err(PeersFileError::Version { got, expected: VERSION });
    }
    let (value, read) = bincode::serde::decode_from_slice(body, BODY)?;
    if read != body.len() {
        return Err(PeersFileError::TrailingBytes { count: body.len() - read });
    }
    Ok(value)
}

fn checksum(version: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&version), body)
}
