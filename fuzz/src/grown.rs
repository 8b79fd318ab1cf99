//! Seeds of the targets for peers, files, wallets and the oracle.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cairn_mempool::FeeEstimator;
use cairn_p2p::{AddressBook, AddressV2, BanList, Codec, HEADER_LEN, Message, PeersFile};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, Encode, LockTime, OutPoint, Sequence, Transaction, TxIn, TxOut, Witness,
};
use cairn_wallet::{Branch, KeyOrigin, Psbt, RequestInput, SigningRequest, Wallet};
use oracle::Kind;

use crate::import;
use crate::wallet::{ACCOUNTS, SECRETS, SPEC, WORDS};
use crate::wire::COMMANDS;

/// Streams of frames, and each payload alone.
pub(crate) fn messages(blocks: &[Block]) -> Vec<Vec<u8>> {
    let last = blocks.last().expect("a chain has a block");
    let (header, tx) = (last.header.to_bytes(), last.transactions[0].to_bytes());
    let address =
        [&[1, 2, 3, 4, 9, 0, 0, 0, 0, 0, 0, 0][..], &[0; 10], &[0xff, 0xff, 8, 8, 8, 8, 0x20, 0x8d]];
    let version = [
        &[0x7f, 0x11, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0][..],
        &[0; 52],
        b"12345678\x06/seed/\x05\x00\x00\x00\x01",
    ];
    let v2 = [&[3, 1, 2, 3, 4, 9, 1, 4, 8, 8, 8, 8, 0x20, 0x8d][..], &[1, 2, 3, 4, 9, 2, 16], &[0x20; 16]];
    let v2 = [&v2.concat()[..], &[0x20, 0x8d, 1, 2, 3, 4, 0xfd, 0, 4, 99, 2, 1, 2, 0, 1]].concat();
    let request = [&[0x7f, 0x11, 1, 0, 2][..], &[7; 32], &[8; 32], &[0; 32]].concat();
    let inventory = [&[2, 1, 0, 0, 0][..], &[7; 32], &[2, 0, 0, 0x40], &[8; 32]].concat();
    let payload = |name: &str| match name {
        "version" => version.concat(),
        "ping" | "pong" => vec![7; 8],
        "feefilter" => 1_000_u64.to_le_bytes().to_vec(),
        "addr" => [&[1][..], &address.concat()].concat(),
        "addrv2" => v2.clone(),
        "inv" | "getdata" | "notfound" => inventory.clone(),
        "getheaders" | "getblocks" => request.clone(),
        "headers" => [&[2][..], &header, &[0], &header, &[0]].concat(),
        "block" => last.to_bytes(),
        "tx" => tx.clone(),
        _ => Vec::new(),
    };
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let mut stream = vec![1 | 20 << 1];
    for (number, name) in COMMANDS.into_iter().enumerate() {
        let payload = payload(name);
        let length = (payload.len() as u16).to_le_bytes();
        let entry = [&[number as u8][..], &length, &payload].concat();
        seeds.push([&[1][..], &entry].concat());
        stream.extend(entry);
    }
    seeds.push(stream);
    let ping = Codec::new(*b"fuzz").encode(&Message::Ping(7)).expect("a ping is short");
    let unknown = [&ping[..4], b"unheardof\0\0\0", &ping[16..]].concat();
    assert_eq!(ping.len(), HEADER_LEN + 8);
    seeds.push([&[6][..], &ping, &unknown, &ping].concat());
    seeds
}

/// The three kinds of files, as bodies and whole.
pub(crate) fn saved(transactions: &[Transaction]) -> Vec<Vec<u8>> {
    let now = Duration::from_secs(1_700_000_000);
    let ip = |last| IpAddr::V4(Ipv4Addr::new(8, 8, last, last));
    let source = SocketAddr::new(ip(200), 8333);
    let (mut book, mut bans) = (AddressBook::new([7; 32]), BanList::default());
    for last in 1..9 {
        let addr = SocketAddr::new(ip(last), 8333);
        let v2 = [&[1, 1, 2, 3, 0x65, 9, 1, 4, 8, 8, last, last, 0x20, 0x8d][..]].concat();
        let addrv2 = cairn_p2p::Command::from_bytes(*b"addrv2\0\0\0\0\0\0").expect("printable");
        let Ok(Message::AddrV2(entries)) = Message::decode(addrv2, &v2) else { continue };
        let entries: Vec<AddressV2> = entries;
        book.add(now, &entries, source);
        if last % 3 == 0 {
            book.succeeded(now, addr, cairn_p2p::Services::from_bits(9));
            bans.ban(now, ip(last), Duration::from_secs(86_400));
        }
    }
    let peers = PeersFile::to_bytes(&book, &bans);
    let fees = FeeEstimator::new().to_bytes();
    let pool: Vec<u8> = transactions.iter().take(3).flat_map(saved_bytes).collect();
    let pool = [&[transactions.len().min(3) as u8][..], &pool].concat();
    // Tip 5; bucket 9 with a sum of rates, one confirmed after one block and half a one that was not.
    let (rates, one, half) = (9e3_f64.to_le_bytes(), 1_f64.to_le_bytes(), 0.5_f64.to_le_bytes());
    let history = [&[1, 5, 1, 9][..], &rates, &[1], &one, &[2], &half, &half].concat();
    let body = |kind: u8, file: &[u8]| [&[kind], file].concat();
    vec![body(0, &peers[12..]), body(0x80, &peers), body(1, &pool), body(2, &fees[12..]), body(2, &history)]
}

/// A transaction in a saved pool: time, length and bytes, numbers in bincode's variable form.
fn saved_bytes(tx: &Transaction) -> Vec<u8> {
    let raw = tx.to_bytes();
    let length = [&[251][..], &(raw.len() as u16).to_le_bytes()].concat();
    let length = if raw.len() < 251 { vec![raw.len() as u8] } else { length };
    [&[252, 0, 0, 0, 0x65][..], &length, &raw].concat()
}

/// A PSBT of each purpose and one of all, as bytes and as text.
pub(crate) fn psbts() -> Vec<Vec<u8>> {
    let numbers = [vec![0], vec![1], vec![2], vec![0, 1, 2]];
    let texts = numbers.iter().flat_map(|numbers| {
        let psbt = Psbt::from_request(&request(numbers), &ACCOUNTS, None, &SPEC).expect("own keys");
        let rooted = SECRETS[0].key().fingerprint();
        let hardware =
            Psbt::from_request(&request(numbers), &ACCOUNTS, Some(rooted), &SPEC).expect("own keys");
        [psbt.to_bytes(), psbt.to_string().into_bytes(), hardware.to_bytes()]
    });
    texts.collect()
}

/// A request that spends a coin of each of these accounts, and pays one back to the first.
fn request(numbers: &[usize]) -> SigningRequest {
    let script = |number: usize, branch| ACCOUNTS[number].script(branch, 0).expect("a small index");
    let origin = |number: usize, branch| KeyOrigin {
        purpose: ACCOUNTS[number].purpose(),
        account: 0,
        branch,
        index: 0,
    };
    let spend = |previous| TxIn {
        previous,
        script_sig: cairn_primitives::Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    let made = |number| {
        let coin = TxOut { value: Amount::from_sat(50_000), script_pubkey: script(number, Branch::Receive) };
        let outpoint = OutPoint { txid: cairn_primitives::Txid::from_bytes([9; 32]), vout: 1 };
        Transaction::new(2, vec![spend(outpoint)], vec![coin], LockTime::ZERO)
    };
    let inputs: Vec<_> = numbers
        .iter()
        .map(|number| {
            let previous = made(*number);
            let coin = previous.outputs()[0].clone();
            RequestInput { coin, origin: origin(*number, Branch::Receive), previous: Some(previous) }
        })
        .collect();
    let outpoints =
        inputs.iter().flat_map(|input| &input.previous).map(|tx| OutPoint { txid: tx.txid(), vout: 0 });
    let change = TxOut { value: Amount::from_sat(40_000), script_pubkey: script(numbers[0], Branch::Change) };
    let tx = Transaction::new(2, outpoints.map(spend).collect(), vec![change], LockTime::ZERO);
    SigningRequest::new(tx, inputs, vec![Some(origin(numbers[0], Branch::Change))])
}

/// Wallet files, a keystore without its checksum, words, paths and extended keys.
pub(crate) fn wallets() -> Vec<Vec<u8>> {
    let keystore = include_str!("../../crates/wallet/tests/keys/keystore-v1.txt");
    let two_lines: Vec<_> = keystore.lines().take(2).collect();
    let mut wallet = Wallet::new(Arc::clone(&SPEC), ACCOUNTS.clone()).expect("accounts of one chain");
    wallet.set_gap_limit(2).expect("within the limit");
    let mut sent = wallet.clone();
    sent.record_sent(&request(&[1]).tx).expect("it pays to the wallet");
    let watching = Wallet::watch_address(Arc::clone(&SPEC), wallet.next_address());
    let mut seeds: Vec<Vec<u8>> =
        [wallet, sent, watching].iter().map(|wallet| wallet.to_bytes().expect("a short file")).collect();
    let prefixes = &SPEC.address;
    let mut texts =
        vec![two_lines.join("\n"), WORDS.to_owned(), "m".to_owned(), "m/84'/0h/0H/1/2147483647".to_owned()];
    texts.push([["zoo"; 23].join(" "), "vote".to_owned()].join(" "));
    texts.extend(SECRETS.iter().map(|secret| secret.key().encode(prefixes).to_string()));
    texts.extend(ACCOUNTS.iter().map(|account| account.key().encode(prefixes)));
    seeds.extend(texts.into_iter().map(String::into_bytes));
    seeds
}

/// Files of blocks and of headers, in order and out of it.
pub(crate) fn imports(blocks: &[Block]) -> Vec<Vec<u8>> {
    let magic = presets::dev().network.magic;
    let framed = |block: &Block| {
        let bytes = block.to_bytes();
        [&magic[..], &(bytes.len() as u32).to_le_bytes(), &bytes].concat()
    };
    let mut chain = vec![import::SPEC.genesis_block()];
    chain.extend(blocks.iter().take(4).cloned());
    let file: Vec<u8> = chain.iter().flat_map(framed).collect();
    let reversed: Vec<u8> = chain.iter().rev().flat_map(framed).collect();
    let headers: Vec<u8> = chain.iter().flat_map(|block| block.header.to_bytes()).collect();
    vec![
        [&[0][..], &file].concat(),
        [&[0][..], &reversed, &[0; 20]].concat(),
        [&[2][..], &file].concat(),
        [&[1][..], &headers].concat(),
        [&[3][..], &headers, &headers[80..200]].concat(),
    ]
}

/// Cases of the grammar-aware generators, and scripts in each shell.
pub(crate) fn cases() -> Vec<Vec<u8>> {
    /// Longer ones slow a fuzzer down.
    const LONGEST: usize = 3_000;
    let generated = Kind::ALL.into_iter().flat_map(|kind| (0..120).map(move |n| oracle::case(kind, 4, n)));
    let mut seeds: Vec<_> = generated
        .filter_map(|case| crate::against::write(&case))
        .filter(|seed| seed.len() <= LONGEST)
        .collect();
    for shell in 0..7 {
        // All rules, version 2, one input; `1 1 ADD 2 EQUAL`.
        let head =
            [&[0x7f, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4][..], &[9; 32], &[0; 13], &[shell, 0, 0, 5, 0]].concat();
        seeds.push([&head[..], &[0x51, 0x51, 0x93, 0x52, 0x87], &[0; 16]].concat());
    }
    seeds
}
