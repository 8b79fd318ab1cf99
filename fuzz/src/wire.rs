//! The peers' protocol: frames and payloads.

use cairn_p2p::{Codec, CodecError, Command, HEADER_LEN, Message};

/// The chain's first four bytes of a frame.
const MAGIC: [u8; 4] = *b"fuzz";

/// Every command that has a payload of its own, and one that has none.
pub(crate) const COMMANDS: [&str; 21] = [
    "version",
    "verack",
    "ping",
    "pong",
    "addr",
    "addrv2",
    "getaddr",
    "sendaddrv2",
    "inv",
    "getdata",
    "notfound",
    "getheaders",
    "headers",
    "sendheaders",
    "getblocks",
    "block",
    "tx",
    "mempool",
    "feefilter",
    "wtxidrelay",
    "unheardof",
];

/// The command of this name.
fn command(name: &str) -> Command {
    let mut bytes = [0; Command::SIZE];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Command::from_bytes(bytes).expect("the names above are printable")
}

/// A stream of frames. Bit 0 of the first byte says whether the rest is the stream itself or a list of command
/// number, length in two bytes and payload, framed here; the other bits are the length of the pieces in which it is read.
pub fn message(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let stream = if how & 1 == 1 { framed(rest) } else { rest.to_vec() };
    let whole = read(&stream, stream.len().max(1));
    assert_eq!(read(&stream, usize::from(how >> 1) + 1), whole, "pieces make no difference");
    whole.into_iter().flatten().for_each(|message| again(&message));
}

/// Frames each payload, and holds what it gives by itself against what its frame gives.
fn framed(mut rest: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    while let [number, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (payload, next) = after.split_at(length);
        rest = next;
        let command = command(COMMANDS[usize::from(*number) % COMMANDS.len()]);
        let codec = Codec::new(MAGIC);
        let Ok(frame) = codec.encode_payload(command, payload) else { continue };
        let read = codec.clone().decode(&mut frame.as_slice());
        match Message::decode(command, payload) {
            Ok(message) => {
                exact(&message, payload);
                assert_eq!(read, Ok(Some(message)));
            }
            Err(error) => assert_eq!(read, Err(CodecError::Malformed { command, error })),
        }
        stream.extend(frame);
    }
    stream
}

/// All that is not allowed to be left out writes itself again byte for byte.
fn exact(message: &Message, payload: &[u8]) {
    let loose = matches!(message, Message::Version(_) | Message::AddrV2(_) | Message::Unknown { .. });
    if let (false, Ok(frame)) = (loose, Codec::new(MAGIC).encode(message)) {
        assert_eq!(&frame[HEADER_LEN..], payload);
    }
}

/// Everything a codec says of a stream that comes in pieces, up to what ends it.
fn read(stream: &[u8], piece: usize) -> Vec<Result<Message, CodecError>> {
    let (mut codec, mut said) = (Codec::new(MAGIC), Vec::new());
    for mut piece in stream.chunks(piece) {
        loop {
            let next = codec.decode(&mut piece);
            assert!(codec.buffered() <= codec.max_payload().min(stream.len()));
            match next {
                Ok(None) => break assert!(piece.is_empty(), "it asks for more only when all is taken"),
                Ok(Some(message)) => said.push(Ok(message)),
                Err(error) => {
                    said.push(Err(error));
                    if error.is_fatal() {
                        assert_eq!(codec.decode(&mut piece), Err(error), "for ever");
                        return said;
                    }
                }
            }
        }
    }
    said
}

/// What was read can be sent, and is then read as the same.
fn again(message: &Message) {
    let mut codec = Codec::new(MAGIC);
    match codec.encode(message) {
        Ok(frame) => assert_eq!(codec.decode(&mut frame.as_slice()).as_ref(), Ok(&Some(message.clone()))),
        Err(_) => assert!(matches!(message, Message::Unknown { .. }), "what was read is within the limits"),
    }
}
