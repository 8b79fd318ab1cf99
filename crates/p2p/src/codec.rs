//! Frames: 24 bytes of header (magic, command, payload length, checksum), then the payload.

use cairn_params::ChainSpec;
use cairn_primitives::hash::{Sha256Engine, sha256d};
use cairn_primitives::{DecodeError, Sink};
use thiserror::Error;

use crate::command::{Command, CommandError};
use crate::limits::MAX_PAYLOAD;
use crate::message::{Message, Payload};

/// Length of a frame's header in bytes.
pub const HEADER_LEN: usize = 24;

/// Turns a stream of bytes into messages, and messages into bytes, for one chain.
///
/// It holds at most one frame that is not yet complete, and reserves for it as its bytes come (at most double), not
/// as its header announces. The payload of a command it does not know is checked against its checksum and not kept.
///
/// Use one for each direction of each connection; after an error that [`is_fatal`](CodecError::is_fatal) it gives
/// that same error for ever.
#[derive(Clone, Debug)]
pub struct Codec {
    magic: [u8; 4],
    max_payload: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Header { bytes: [u8; HEADER_LEN], filled: usize },
    Keep { frame: Frame, payload: Vec<u8> },
    Skip { frame: Frame, left: usize, hash: Sha256Engine },
    Failed(CodecError),
}

const START: State = State::Header { bytes: [0; HEADER_LEN], filled: 0 };

/// What a frame's header says.
#[derive(Clone, Copy, Debug)]
struct Frame {
    command: Result<Command, CommandError>,
    length: usize,
    checksum: [u8; 4],
}

/// Why bytes give no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The stream is not this chain's, or its frames have been lost. Fatal.
    #[error("frame begins with {got:02x?}, not with the chain's {expected:02x?}")]
    WrongMagic {
        /// The first four bytes.
        got: [u8; 4],
        /// The chain's.
        expected: [u8; 4],
    },
    /// The header announces more bytes than this command may have. Fatal; nothing of the payload has been read.
    #[error("payload of {got} bytes for \"{command}\" is above the limit of {limit}")]
    PayloadTooLong {
        /// The command; empty when its bytes are no name.
        command: Command,
        /// Bytes announced.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// The twelve command bytes are no name. The frame has been read over.
    #[error("bad command: {0}")]
    Command(CommandError),
    /// The payload is damaged. The frame has been read over.
    #[error("checksum of \"{command}\" is {got:02x?}, its payload's is {expected:02x?}")]
    WrongChecksum {
        /// The command.
        command: Command,
        /// What the header holds.
        got: [u8; 4],
        /// The first four bytes of the payload's double SHA-256.
        expected: [u8; 4],
    },
    /// The payload is not what the command says. The frame has been read over.
    #[error("malformed \"{command}\": {error}")]
    Malformed {
        /// The command.
        command: Command,
        /// What is wrong, counted from the payload's first byte.
        error: DecodeError,
    },
}

impl CodecError {
    /// Whether the stream cannot be read on. Otherwise the next call goes on behind the frame that was refused, as
    /// Core does.
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::WrongMagic { .. } | Self::PayloadTooLong { .. } => true,
            Self::Command(_) | Self::WrongChecksum { .. } | Self::Malformed { .. } => false,
        }
    }
}

/// Why a message cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The payload of a [`Message::Unknown`] was not kept.
    #[error("the payload of \"{command}\" is not known")]
    Unknown {
        /// The command.
        command: Command,
    },
    /// A list is longer than peers accept.
    #[error("{got} entries in \"{command}\" are above the limit of {limit}")]
    TooMany {
        /// The command.
        command: Command,
        /// Number of entries.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// The payload is longer than peers accept.
    #[error("payload of {got} bytes for \"{command}\" is above the limit of {limit}")]
    PayloadTooLong {
        /// The command.
        command: Command,
        /// Bytes of the payload.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
}

impl Codec {
    /// A codec for streams that begin each frame with `magic`, with payloads up to [`MAX_PAYLOAD`].
    pub const fn new(magic: [u8; 4]) -> Self {
        Self { magic, max_payload: MAX_PAYLOAD, state: START }
    }

    /// A codec for a chain: its magic, and payloads up to [`MAX_PAYLOAD`] or, where that is more, the heaviest block
    /// the chain allows (a block has no more bytes than weight units).
    pub fn for_chain(spec: &ChainSpec) -> Self {
        let heaviest = usize::try_from(spec.limits.block_weight).unwrap_or(usize::MAX);
        Self { max_payload: MAX_PAYLOAD.max(heaviest), ..Self::new(spec.network.magic) }
    }

    /// Longest payload taken, in bytes.
    pub const fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// Payload bytes held for a frame that is not complete.
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Keep { payload, .. } => payload.len(),
            State::Header { .. } | State::Skip { .. } | State::Failed(_) => 0,
        }
    }

    /// Takes bytes from the front of `input`, up to the end of one message.
    ///
    /// Gives the message, with `input` standing behind it; or `None` when all of `input` has been taken and no
    /// message is complete. Call it again until it gives `None`.
    ///
    /// # Errors
    /// Any [`CodecError`]. After one that is not fatal, `input` stands behind the frame that was refused.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, CodecError> {
        if let State::Header { .. } = self.state {
            let Some(bytes) = self.take_header(input) else { return Ok(None) };
            self.state = self.open(&bytes).unwrap_or_else(State::Failed);
        }
        match &mut self.state {
            State::Failed(error) => return Err(*error),
            State::Header { .. } => return Ok(None),
            State::Keep { frame, payload } => {
                append(payload, take(input, frame.length - payload.len()), frame.length);
                if payload.len() < frame.length {
                    return Ok(None);
                }
            }
            State::Skip { left, hash, .. } => {
                let taken = take(input, *left);
                hash.put(taken);
                *left -= taken.len();
                if *left > 0 {
                    return Ok(None);
                }
            }
        }
        match std::mem::replace(&mut self.state, START) {
            State::Keep { frame, payload } => frame.message(&payload).map(Some),
            State::Skip { frame, hash, .. } => frame.unknown(hash).map(Some),
            State::Header { .. } | State::Failed(_) => Ok(None),
        }
    }

    /// Moves bytes into the header; gives it once it is whole.
    fn take_header(&mut self, input: &mut &[u8]) -> Option<[u8; HEADER_LEN]> {
        let State::Header { bytes, filled } = &mut self.state else { return None };
        let taken = take(input, HEADER_LEN - *filled);
        bytes[*filled..*filled + taken.len()].copy_from_slice(taken);
        *filled += taken.len();
        (*filled == HEADER_LEN).then_some(*bytes)
    }

    /// Judges a header.
    fn open(&self, bytes: &[u8; HEADER_LEN]) -> Result<State, CodecError> {
        let (got, rest) = bytes.split_first_chunk::<4>().expect("a header has 24 bytes");
        let (command, rest) = rest.split_first_chunk::<{ Command::SIZE }>().expect("20 bytes are left");
        let (length, rest) = rest.split_first_chunk::<4>().expect("8 bytes are left");
        let checksum = *rest.first_chunk::<4>().expect("4 bytes are left");
        if *got != self.magic {
            return Err(CodecError::WrongMagic { got: *got, expected: self.magic });
        }
        let length = u32::from_le_bytes(*length) as usize;
        let command = Command::from_bytes(*command);
        let payload = command.map_or(Payload::Unknown, Payload::of);
        let limit = self.limit(payload);
        if length > limit {
            let command = command.unwrap_or(Command::known(""));
            return Err(CodecError::PayloadTooLong { command, got: length, limit });
        }
        let frame = Frame { command, length, checksum };
        Ok(match payload {
            Payload::AtMost(_) | Payload::AsChain => State::Keep { frame, payload: Vec::new() },
            Payload::Unknown => State::Skip { frame, left: length, hash: Sha256Engine::new() },
        })
    }

    fn limit(&self, payload: Payload) -> usize {
        match payload {
            Payload::AtMost(limit) => limit,
            Payload::AsChain | Payload::Unknown => self.max_payload,
        }
    }

    /// The frame of `message`.
    ///
    /// # Errors
    /// [`EncodeError`] when a peer with the same limits would refuse it.
    pub fn encode(&self, message: &Message) -> Result<Vec<u8>, EncodeError> {
        let command = message.command();
        if let Message::Unknown { .. } = message {
            return Err(EncodeError::Unknown { command });
        }
        if let Some((got, limit)) = message.list_len().filter(|(got, limit)| got > limit) {
            return Err(EncodeError::TooMany { command, got, limit });
        }
        let mut frame = vec![0; HEADER_LEN];
        message.encode_payload(&mut frame);
        self.seal(command, frame)
    }

    /// The frame of a message whose payload is at hand as bytes. They are not looked at.
    ///
    /// # Errors
    /// [`EncodeError::PayloadTooLong`] when a peer with the same limits would refuse it.
    pub fn encode_payload(&self, command: Command, payload: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let mut frame = Vec::with_capacity(HEADER_LEN + payload.len());
        frame.extend([0; HEADER_LEN]);
        frame.extend_from_slice(payload);
        self.seal(command, frame)
    }

    /// Fills in the header in front of a payload.
    fn seal(&self, command: Command, mut frame: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
        let length = frame.len() - HEADER_LEN;
        let limit = self.limit(Payload::of(command));
        let too_long = EncodeError::PayloadTooLong { command, got: length, limit };
        if length > limit {
            return Err(too_long);
        }
        let announced = u32::try_from(length).map_err(|_| too_long)?;
        let checksum = checksum(&frame[HEADER_LEN..]);
        frame[..4].copy_from_slice(&self.magic);
        frame[4..16].copy_from_slice(&command.to_bytes());
        frame[16..20].copy_from_slice(&announced.to_le_bytes());
        frame[20..HEADER_LEN].copy_from_slice(&checksum);
        Ok(frame)
    }
}

impl Frame {
    fn message(&self, payload: &[u8]) -> Result<Message, CodecError> {
        let command = self.check(checksum(payload))?;
        Message::decode(command, payload).map_err(|error| CodecError::Malformed { command, error })
    }

    fn unknown(&self, hash: Sha256Engine) -> Result<Message, CodecError> {
        let command = self.check(first_four(hash.finish_double()))?;
        Ok(Message::Unknown { command, length: u32::try_from(self.length).unwrap_or(u32::MAX) })
    }

    fn check(&self, expected: [u8; 4]) -> Result<Command, CodecError> {
        let command = self.command.map_err(CodecError::Command)?;
        match self.checksum {
            got if got != expected => Err(CodecError::WrongChecksum { command, got, expected }),
            _ => Ok(command),
        }
    }
}

/// Splits at most `count` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}

/// Appends `bytes` and reserves at most double what is then there, and never more than `whole`.
fn append(payload: &mut Vec<u8>, bytes: &[u8], whole: usize) {
    let needed = payload.len() + bytes.len();
    if needed > payload.capacity() {
        let target = needed.saturating_mul(2).min(whole).max(needed);
        payload.reserve_exact(target - payload.len());
    }
    payload.extend_from_slice(bytes);
}

fn checksum(payload: &[u8]) -> [u8; 4] {
    first_four(sha256d(payload))
}

fn first_four(hash: [u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}
