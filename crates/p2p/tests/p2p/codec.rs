//! Streams: cut anywhere, damaged anywhere.

use cairn_p2p::{Codec, CodecError, Command, EncodeError, HEADER_LEN, Message};
use cairn_params::presets;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{frame, message};

fn codec() -> Codec {
    Codec::for_chain(&presets::bitcoin())
}

/// All that `codec` gives for `bytes`, up to the first fatal error.
fn drain(codec: &mut Codec, mut bytes: &[u8], out: &mut Vec<Result<Message, CodecError>>) {
    loop {
        match codec.decode(&mut bytes) {
            Ok(None) => return assert!(bytes.is_empty(), "everything is taken"),
            Ok(Some(message)) => out.push(Ok(message)),
            Err(error) => {
                out.push(Err(error));
                if error.is_fatal() {
                    return;
                }
            }
        }
    }
}

#[test]
fn goes_on_behind_a_refused_frame() {
    let mut bytes = frame("ping", &[1, 0, 0, 0, 0, 0, 0, 0]);
    bytes[20] ^= 1; // checksum
    bytes.extend(frame("ping", &[1, 2, 3]));
    bytes.extend(frame("\x01", b"anything"));
    let mut damaged = frame("later", b"anything");
    *damaged.last_mut().unwrap() ^= 1;
    bytes.extend(damaged);
    bytes.extend(frame("later", b"anything"));
    bytes.extend(frame("verack", &[]));
    let mut out = Vec::new();
    drain(&mut codec(), &bytes, &mut out);
    let [checksum, short, name, unknown_damaged, unknown, verack] = &out[..] else { panic!("{out:?}") };
    assert!(matches!(checksum, Err(CodecError::WrongChecksum { .. })));
    assert!(matches!(short, Err(CodecError::Malformed { .. })));
    assert!(matches!(name, Err(CodecError::Command(_))));
    assert!(matches!(unknown_damaged, Err(CodecError::WrongChecksum { .. })));
    let command = Command::from_bytes(*b"later\0\0\0\0\0\0\0").unwrap();
    assert_eq!(*unknown, Ok(Message::Unknown { command, length: 8 }));
    assert_eq!(*verack, Ok(Message::Verack));
    assert_eq!(
        codec().encode(&Message::Unknown { command, length: 8 }),
        Err(EncodeError::Unknown { command })
    );
}

#[test]
fn another_chain_is_refused_for_good() {
    let bytes = Codec::for_chain(&presets::vito()).encode(&Message::Verack).unwrap();
    assert_eq!(bytes[..4], *b"VITO");
    let mut codec = codec();
    let wrong = CodecError::WrongMagic { got: *b"VITO", expected: [0xf9, 0xbe, 0xb4, 0xd9] };
    assert!(wrong.is_fatal());
    assert_eq!(codec.decode(&mut &bytes[..]), Err(wrong));
    assert_eq!(codec.decode(&mut &frame("verack", &[])[..]), Err(wrong));
}

/// A header may announce four million bytes; memory follows what has come. What is not known is not kept at all.
#[test]
fn holds_only_what_has_come() {
    for (command, kept) in [("block", 100), ("later", 0)] {
        let mut bytes = frame(command, &[]);
        bytes[16..20].copy_from_slice(&4_000_000u32.to_le_bytes());
        bytes.extend([0; 100]);
        let mut codec = codec();
        assert_eq!(codec.decode(&mut &bytes[..]), Ok(None));
        assert_eq!(codec.buffered(), kept);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_come_back_however_the_stream_is_cut(
        messages in vec(message(), 1..6),
        cuts in vec(1usize..200, 1..40),
    ) {
        let mut sender = codec();
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend(sender.encode(message).unwrap());
        }
        prop_assert_eq!(sender.decode(&mut &[][..]), Ok(None));
        let mut receiver = codec();
        let mut got = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (piece, later) = rest.split_at((*cut).min(rest.len()));
            drain(&mut receiver, piece, &mut got);
            prop_assert!(receiver.buffered() <= receiver.max_payload());
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got, messages.into_iter().map(Ok).collect::<Vec<_>>());
    }

    /// One byte changed: never a panic, and never a message that was not sent, save where the byte is in the
    /// command (which the checksum does not cover).
    #[test]
    fn a_changed_byte_never_passes(message in message(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = codec().encode(&message).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let mut out = Vec::new();
        drain(&mut codec(), &bytes, &mut out);
        if !(4..16).contains(&at) {
            prop_assert!(out.iter().all(Result::is_err), "{:?}", out);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), known in any::<bool>()) {
        let mut stream = if known { vec![0xf9, 0xbe, 0xb4, 0xd9] } else { Vec::new() };
        stream.extend(bytes);
        drain(&mut codec(), &stream, &mut Vec::new());
    }

    /// Arbitrary payloads under each known name, with a right checksum, reach the payload's decoder.
    #[test]
    fn arbitrary_payloads_never_panic(message in message(), payload in vec(any::<u8>(), 0..300), count in 0u8..4) {
        let command = message.command();
        let mut payload = payload;
        if let Some(first) = payload.first_mut() {
            *first = count;
        }
        if let Ok(decoded) = Message::decode(command, &payload) {
            // What was taken can be sent, and reads as the same again.
            let bytes = codec().encode(&decoded).unwrap();
            prop_assert_eq!(Message::decode(command, &bytes[HEADER_LEN..]), Ok(decoded));
        }
    }
}
