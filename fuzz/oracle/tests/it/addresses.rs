//! Addresses against the `bitcoin` crate, both ways.

use bitcoin::Network;
use bitcoin::address::NetworkUnchecked;
use cairn_primitives::{Address, AddressPrefixes, Hash160, Hrp, Script, ScriptBuilder};
use oracle::Rng;

use crate::{is_long, tally};

const NETWORKS: [Network; 3] = [Network::Bitcoin, Network::Testnet, Network::Regtest];

fn prefixes(network: Network) -> AddressPrefixes {
    let main = network == Network::Bitcoin;
    let hrp = match network {
        Network::Bitcoin => "bc",
        Network::Regtest => "bcrt",
        _ => "tb",
    };
    AddressPrefixes {
        p2pkh: if main { 0 } else { 111 },
        p2sh: if main { 5 } else { 196 },
        wif: if main { 128 } else { 239 },
        hrp: Hrp::new(hrp).expect("BIP173 and Core have it"),
        xpub: [4, 0x88, 0xb2, 0x1e],
        xprv: [4, 0x88, 0xad, 0xe4],
        coin_type: u32::from(!main),
    }
}

/// An output script of a form that has an address, or nearly one.
fn some_script(rng: &mut Rng) -> Vec<u8> {
    let hash: [u8; 20] = *rng.hash().first_chunk().expect("20 of 32 bytes");
    let mut script = match rng.below(8) {
        0 => Script::p2pkh(Hash160::from_bytes(hash)).as_bytes().to_vec(),
        1 => Script::p2sh(Hash160::from_bytes(hash)).as_bytes().to_vec(),
        2 => Script::p2pk(&[&[2], &rng.hash()[..]].concat()).as_bytes().to_vec(),
        _ => {
            let version = if rng.chance(50) { rng.below(2) } else { rng.below(17) };
            let usual = rng.pick(&[20, 32, 32, 2, 40]);
            let length = if rng.chance(75) { usual } else { rng.within(0, 43) };
            let program = rng.bytes(length);
            ScriptBuilder::new()
                .push_int(version as i64)
                .push_bytes(&program)
                .into_script()
                .as_bytes()
                .to_vec()
        }
    };
    if rng.chance(15) && !script.is_empty() {
        let at = rng.below(script.len());
        match rng.below(3) {
            0 => script[at] ^= 1 << rng.below(8),
            1 => drop(script.remove(at)),
            _ => script.push(rng.u8()),
        }
    }
    script
}

/// From a script to the text.
fn check_script(rng: &mut Rng) -> Result<&'static str, String> {
    let (script, network) = (some_script(rng), rng.pick(&NETWORKS));
    let ours = Address::from_script(&Script::from_bytes(script.clone()))
        .map(|address| address.encode(&prefixes(network)));
    let theirs = bitcoin::Address::from_script(bitcoin::Script::from_bytes(&script), network);
    let theirs = theirs.ok().map(|address| address.to_string());
    if ours != theirs {
        return Err(format!("script {script:02x?}: cairn says {ours:?}, the bitcoin crate {theirs:?}"));
    }
    Ok(if ours.is_some() { "address" } else { "none" })
}

/// A text: an address, mostly with something wrong.
fn some_text(rng: &mut Rng) -> String {
    const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut text = raw_text(rng).into_bytes();
    if text.is_empty() || rng.chance(40) {
        return String::from_utf8(text).expect("addresses are ASCII");
    }
    let at = rng.below(text.len());
    match rng.below(9) {
        0 => text[at] = rng.pick(BECH32),
        1 => text[at] = rng.pick(BASE58),
        2 => text.make_ascii_uppercase(),
        3 => text[at] = text[at].to_ascii_uppercase(),
        4 => drop(text.remove(at)),
        5 => text.insert(at, rng.pick(b"1qlQbIO0 \tz")),
        6 => text.truncate(at),
        7 => text.swap(at, rng.below(at + 1)),
        _ => text.extend(vec![rng.pick(b"q1l"); rng.pick(&[1, 2, 40, 60])]),
    }
    String::from_utf8(text).unwrap_or_default()
}

/// A text with a checksum that is right, around something that may be no address.
fn raw_text(rng: &mut Rng) -> String {
    if rng.chance(30) {
        let mut payload = vec![rng.pick(&[0, 5, 111, 196, 128, 239, 50])];
        let length = rng.pick(&[20, 20, 20, 20, 19, 21, 0, 32, 33]);
        payload.extend(rng.bytes(length));
        return bitcoin::base58::encode_check(&payload);
    }
    let hrp = rng.pick(&["bc", "tb", "bcrt"]).to_owned();
    let hrp = if rng.chance(95) { hrp } else { rng.pick(&["ltc", "b", "bcr", "bc1"]).to_owned() };
    witness_text(rng, &hrp)
}

/// Bech32 or bech32m around a version and any five-bit groups: program lengths, padding and checksum kind at will.
fn witness_text(rng: &mut Rng, hrp: &str) -> String {
    use bech32::{checksum, groups};
    let version = match rng.below(6) {
        0 | 1 => 0,
        2 | 3 => 1,
        4 => rng.below(17) as u8,
        _ => rng.below(32) as u8,
    };
    let usual = rng.pick(&[20, 32, 32, 2, 40]);
    let length = if rng.chance(80) { usual } else { rng.within(0, 43) };
    let mut data = vec![version];
    data.extend(groups(&rng.bytes(length)));
    match rng.below(12) {
        0 => *data.last_mut().expect("it has a version") |= rng.below(4) as u8,
        1 => data.push(0),
        2 => data.truncate(1),
        _ => {}
    }
    let modern = (version > 0) ^ rng.chance(8);
    checksum(hrp, data, modern)
}

/// From a text to the script, on each network.
fn check_text(rng: &mut Rng) -> Result<&'static str, String> {
    let text = some_text(rng);
    let theirs = text.parse::<bitcoin::Address<NetworkUnchecked>>();
    let mut accepted = false;
    for network in NETWORKS {
        let ours = Address::parse(&text, &prefixes(network)).map(|address| address.script_pubkey());
        let theirs = theirs.clone().ok().and_then(|address| address.require_network(network).ok());
        let theirs = theirs.map(|address| address.script_pubkey().to_bytes());
        if ours.as_ref().ok().map(Script::as_bytes) != theirs.as_deref() {
            return Err(format!(
                "{text:?} on {network}: cairn says {ours:?}, the bitcoin crate {theirs:02x?}"
            ));
        }
        accepted |= ours.is_ok();
    }
    Ok(if accepted { "accepted" } else { "refused" })
}

#[test]
fn scripts_have_the_same_addresses() {
    let tally = tally("addresses of scripts", 30_000, 31, check_script);
    if is_long(tally.cases()) {
        assert!(tally.of("address") * 2 > tally.cases() && tally.of("none") > 0);
    }
}

#[test]
fn texts_name_the_same_scripts() {
    let tally = tally("scripts of addresses", 30_000, 32, check_text);
    if is_long(tally.cases()) {
        assert!(tally.of("accepted") * 8 > tally.cases() && tally.of("refused") * 4 > tally.cases());
    }
}

/// Bech32 written out, so that texts no encoder would make can be made.
mod bech32 {
    /// Bytes in groups of five bits, the last one filled up with zeros.
    pub(super) fn groups(bytes: &[u8]) -> Vec<u8> {
        let bits: Vec<u8> =
            bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        bits.chunks(5)
            .map(|group| (0..5).fold(0, |all, bit| all << 1 | group.get(bit).unwrap_or(&0)))
            .collect()
    }

    fn polymod(values: impl Iterator<Item = u8>) -> u32 {
        const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        values.fold(1, |check, value| {
            let next = (check & 0x1ff_ffff) << 5 ^ u32::from(value);
            (0..5).filter(|bit| check >> 25 >> bit & 1 == 1).fold(next, |next, bit| next ^ GENERATOR[bit])
        })
    }

    /// The text of `data` with the checksum of BIP350 (`modern`) or of BIP173.
    pub(super) fn checksum(hrp: &str, mut data: Vec<u8>, modern: bool) -> String {
        const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let front = hrp.bytes().map(|byte| byte >> 5).chain([0]).chain(hrp.bytes().map(|byte| byte & 31));
        let check = polymod(front.chain(data.iter().copied()).chain([0; 6]));
        let check = check ^ if modern { 0x2bc8_30a3 } else { 1 };
        data.extend((0..6).rev().map(|group| (check >> (5 * group) & 31) as u8));
        let text: String = data.iter().map(|group| char::from(ALPHABET[usize::from(*group)])).collect();
        format!("{hrp}1{text}")
    }
}
