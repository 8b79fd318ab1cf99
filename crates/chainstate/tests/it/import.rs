//! Reading block files: made ones with every kind of damage, and those of the real networks.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_chainstate::import::{self, ImportError, MAX_WAITING, Progress, Summary};
use cairn_chainstate::{ChainState, ChainStateConfig, Engine};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Block, BlockHash, Encode, Height, Work};

use crate::maker::{Maker, NOW, spec};

pub(crate) fn record(spec: &ChainSpec, block: &Block) -> Vec<u8> {
    let mut bytes = spec.network.magic.to_vec();
    bytes.extend((block.total_size() as u32).to_le_bytes());
    bytes.extend(block.to_bytes());
    bytes
}

fn file(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn run(chain: &mut ChainState, files: &[PathBuf]) -> Result<Summary, ImportError> {
    import::blocks(chain, files, NOW, |_| ControlFlow::Continue(()))
}

/// Five blocks on genesis, and the records of all six.
fn six() -> (Vec<Block>, Vec<Vec<u8>>) {
    let mut blocks = vec![spec().genesis_block()];
    blocks.extend(Maker::new(spec()).chain(spec().genesis_hash(), 5));
    let records = blocks.iter().map(|block| record(&spec(), block)).collect();
    (blocks, records)
}

#[test]
fn a_file_is_read_once_and_then_known() {
    let dir = tempfile::tempdir().unwrap();
    let (blocks, records) = six();
    let path = file(dir.path(), "blk.dat", &records.concat());
    let mut chain = ChainState::in_memory(spec());
    let mut seen: Vec<Progress> = Vec::new();
    let summary = import::blocks(&mut chain, std::slice::from_ref(&path), NOW, |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    });
    let summary = summary.unwrap();
    assert_eq!((summary.blocks, summary.new, summary.stopped), (6, 5, false));
    assert_eq!((summary.tip.hash, summary.tip.height.to_u32()), (blocks[5].hash(), 5));
    let total = std::fs::metadata(&path).unwrap().len();
    assert_eq!(seen.iter().map(|p| p.blocks).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seen[5], Progress { height: Height::new(5), blocks: 6, bytes: total, total_bytes: total });
    let again = run(&mut chain, &[path]).unwrap();
    assert_eq!((again.blocks, again.new), (6, 0));
    assert_eq!(chain.reader().last_event().to_u64(), 5);
}

#[test]
fn an_import_stops_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "blk.dat", &six().1.concat());
    let mut chain = ChainState::in_memory(spec());
    let stop = |progress: Progress| match progress.blocks {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let summary = import::blocks(&mut chain, &[path], NOW, stop).unwrap();
    assert_eq!((summary.blocks, summary.tip.height.to_u32(), summary.stopped), (3, 2, true));
}

#[test]
fn blocks_come_in_any_order_and_over_several_files() {
    let dir = tempfile::tempdir().unwrap();
    let (blocks, records) = six();
    let pick = |order: &[usize]| order.iter().flat_map(|n| records[*n].clone()).collect::<Vec<u8>>();
    let first = file(dir.path(), "blk00000.dat", &pick(&[5, 0, 3]));
    let second = file(dir.path(), "blk00001.dat", &pick(&[2, 4, 1]));
    let mut chain = ChainState::in_memory(spec());
    let summary = run(&mut chain, &[first.clone(), second]).unwrap();
    assert_eq!((summary.blocks, summary.new, summary.tip.hash), (6, 5, blocks[5].hash()));

    // Without the second file the parents of two blocks are missing: the first of them is named.
    let mut chain = ChainState::in_memory(spec());
    let error = run(&mut chain, std::slice::from_ref(&first)).unwrap_err();
    assert_eq!((error.path.as_path(), error.offset, error.height.to_u32()), (first.as_path(), 0, 0));
    assert_eq!(error.fault.code(), "prev-blk-not-found");
    assert!(error.to_string().contains("(2 such blocks)"), "{error}");
}

/// What stands behind the third record, and the rule under which the import stops there.
#[test]
fn a_damaged_record_ends_the_import_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (blocks, records) = six();
    let good = records[..3].concat();
    let limit = spec().limits.block_weight as u32;
    let mut nonce = records[3].clone();
    nonce[8 + 76] ^= 0xff;
    let mut body = records[3].clone();
    *body.last_mut().unwrap() ^= 1;
    let mut bare = records[3].clone();
    bare[8 + 80] = 0;
    let with_len = |len: u32| [&spec().network.magic[..], &len.to_le_bytes()].concat();
    let mut changed_copy = records[1].clone();
    *changed_copy.last_mut().unwrap() ^= 1;
    let other = record(&presets::bitcoin(), &presets::bitcoin().genesis_block());
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("magic", b"garbage!".to_vec(), "record-magic"),
        ("other chain", other, "record-magic"),
        ("frame cut", records[3][..7].to_vec(), "record-truncated"),
        ("block cut", records[3][..records[3].len() - 1].to_vec(), "record-truncated"),
        ("length at the limit", with_len(limit), "record-truncated"),
        ("length past the limit", with_len(limit + 1), "record-too-long"),
        ("no transactions", bare, "record-undecodable"),
        ("body", body, "bad-txnmrklroot"),
        ("known block", changed_copy, "record-differs"),
        ("nonce", nonce, "high-hash"),
    ];
    for (name, bytes, code) in cases {
        let path = file(dir.path(), "blk.dat", &[good.clone(), bytes, records[3].clone()].concat());
        let cut = name.ends_with("cut") || name.ends_with("limit");
        if cut {
            let len = std::fs::metadata(&path).unwrap().len() - records[3].len() as u64;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
        }
        let mut chain = ChainState::in_memory(spec());
        let error = run(&mut chain, std::slice::from_ref(&path)).unwrap_err();
        assert_eq!(error.fault.code(), code, "{name}: {error}");
        assert_eq!((error.path.as_path(), error.offset), (path.as_path(), good.len() as u64), "{name}");
        assert_eq!(error.height, Height::new(2));
        assert_eq!(chain.tip().hash, blocks[2].hash(), "{name}: what was valid stays");
        for part in ["blk.dat", &good.len().to_string(), "height 2", code] {
            assert!(error.to_string().contains(part), "{name}: {error}");
        }
    }
}

#[test]
fn zeros_at_the_end_are_room_and_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (_, records) = six();
    let mut bytes = records.concat();
    let end = bytes.len();
    // More than the reader takes at a time.
    bytes.resize(end + (3 << 20), 0);
    let path = file(dir.path(), "blk.dat", &bytes);
    assert_eq!(run(&mut ChainState::in_memory(spec()), std::slice::from_ref(&path)).unwrap().blocks, 6);
    let mut handle = OpenOptions::new().write(true).open(&path).unwrap();
    handle.seek(SeekFrom::Start(end as u64 + (2 << 20))).unwrap();
    handle.write_all(&[1]).unwrap();
    let error = run(&mut ChainState::in_memory(spec()), &[path]).unwrap_err();
    assert_eq!((error.fault.code(), error.offset), ("record-magic", end as u64));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = PathBuf::from("no such file");
    let error = run(&mut ChainState::in_memory(spec()), std::slice::from_ref(&path)).unwrap_err();
    assert_eq!((error.path, error.fault.code()), (path, "file-unreadable"));
}

/// A bounded number of blocks may wait for their parents.
#[test]
fn too_many_waiting_blocks_end_the_import() {
    let dir = tempfile::tempdir().unwrap();
    let mut maker = Maker::new(spec());
    let parent = maker.chain(spec().genesis_hash(), 1);
    let child = maker.chain(parent[0].hash(), 1);
    let one = record(&spec(), &child[0]);
    let path = file(dir.path(), "blk.dat", &one.repeat(MAX_WAITING));
    let error = run(&mut ChainState::in_memory(spec()), std::slice::from_ref(&path)).unwrap_err();
    assert_eq!((error.fault.code(), error.offset), ("prev-blk-not-found", 0), "as many as may wait");
    std::fs::write(&path, one.repeat(MAX_WAITING + 1)).unwrap();
    let error = run(&mut ChainState::in_memory(spec()), &[path]).unwrap_err();
    let last = (one.len() * MAX_WAITING) as u64;
    assert_eq!((error.fault.code(), error.offset), ("too-many-orphans", last));
}

/// A file of the shared data, or `None` with a word about it.
fn data(test: &str, name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CAIRN_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {test} needs {}", path.display());
    None
}

fn mainnet_is_imported_from_genesis_to_599(engine: Engine) {
    let Some(path) = data("mainnet_is_imported", "blocks/mainnet-000000-000599.dat") else { return };
    let dir = tempfile::tempdir().unwrap();
    let config =
        ChainStateConfig { engine: Some(engine), cache_bytes: 8 << 20, ..ChainStateConfig::new(dir.path()) };
    let bitcoin = Arc::new(presets::bitcoin());
    let mut chain = ChainState::open(bitcoin.clone(), &config).unwrap();
    let summary = run(&mut chain, std::slice::from_ref(&path)).unwrap();
    assert_eq!((summary.tip.height.to_u32(), summary.blocks, summary.new), (599, 600, 599));
    // Every block so early has the work of difficulty 1.
    assert_eq!(summary.tip.work, Work::from_u128(600 * 4_295_032_833));
    chain.close().unwrap();
    let mut chain = ChainState::open(bitcoin, &config).unwrap();
    assert_eq!(chain.tip(), summary.tip);
    let again = run(&mut chain, &[path]).unwrap();
    assert_eq!((again.tip, again.blocks, again.new), (summary.tip, 600, 0));
}

#[test]
fn testnet3_is_imported_from_genesis_to_400() {
    let Some(path) = data("testnet3_is_imported", "blocks/testnet3-000000-000400.dat") else { return };
    let mut chain = ChainState::in_memory(Arc::new(presets::testnet3()));
    let summary = run(&mut chain, &[path]).unwrap();
    assert_eq!((summary.tip.height.to_u32(), summary.blocks), (400, 401));
}

fn headers_of_mainnet_are_imported_to_10236(engine: Engine) {
    let Some(path) = data("headers_of_mainnet", "headers/mainnet-000000-010236.bin") else { return };
    let Some(table) = data("headers_of_mainnet", "headers/mainnet-every-2016.tsv") else { return };
    let dir = tempfile::tempdir().unwrap();
    let config =
        ChainStateConfig { engine: Some(engine), cache_bytes: 8 << 20, ..ChainStateConfig::new(dir.path()) };
    let bitcoin = Arc::new(presets::bitcoin());
    let mut chain = ChainState::open(bitcoin.clone(), &config).unwrap();
    let go_on = |_| ControlFlow::Continue(());
    let summary = import::headers(&mut chain, std::slice::from_ref(&path), NOW, go_on).unwrap();
    assert_eq!((summary.tip.height.to_u32(), summary.blocks, summary.new), (10_236, 10_237, 10_236));
    drop(chain);
    let mut chain = ChainState::open(bitcoin, &config).unwrap();
    assert_eq!((chain.reader().best_header(), chain.tip().height), (summary.tip, Height::GENESIS));
    assert_eq!(import::headers(&mut chain, &[path], NOW, go_on).unwrap().new, 0);
    let mut checked = 0;
    for line in std::fs::read_to_string(table).unwrap().lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let Ok(height) = fields[0].parse::<u32>() else { continue };
        if height <= 10_236 {
            let hash: BlockHash = fields[1].parse().unwrap();
            let info = chain.reader().header(&hash).unwrap();
            let work = format!("{:0>64}", fields[2]);
            assert_eq!((info.height.to_u32(), info.work.to_string()), (height, work));
            checked += 1;
        }
    }
    assert_eq!(checked, 5, "2,016 to 10,080");
}

#[test]
fn a_header_file_ends_at_a_bad_header() {
    let dir = tempfile::tempdir().unwrap();
    let (blocks, _) = six();
    let all: Vec<u8> = blocks.iter().flat_map(|block| block.header.to_array()).collect();
    let go_on = |_| ControlFlow::Continue(());
    let mut nonce = all.clone();
    nonce[4 * 80 - 4] ^= 0xff;
    for (bytes, offset, height, code) in
        [(&nonce[..], 240, 2, "high-hash"), (&all[..6 * 80 - 1], 400, 4, "record-truncated")]
    {
        let path = file(dir.path(), "headers.bin", bytes);
        let mut chain = ChainState::in_memory(spec());
        let error = import::headers(&mut chain, std::slice::from_ref(&path), NOW, go_on).unwrap_err();
        assert_eq!((error.path, error.offset, error.height), (path, offset, Height::new(height)));
        assert_eq!(error.fault.code(), code);
        assert_eq!(chain.reader().best_header().height, Height::new(height));
    }
}

/// One byte of the file is changed, at two hundred places: the import ends at that record, the chain has the
/// blocks before it and no other.
#[test]
fn a_flipped_byte_of_mainnet_is_always_found() {
    let Some(path) = data("a_flipped_byte", "blocks/mainnet-000000-000599.dat") else { return };
    let bytes = std::fs::read(path).unwrap();
    let bitcoin = Arc::new(presets::bitcoin());
    let (mut starts, mut hashes, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        starts.push(at);
        let header =
            <cairn_primitives::Header as cairn_primitives::Decode>::from_bytes(&bytes[at + 8..at + 88]);
        hashes.push(header.unwrap().hash());
        at += 8 + u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    assert_eq!(starts.len(), 600);
    let dir = tempfile::tempdir().unwrap();
    for n in 0..200 {
        // Spread over the file, with every place of a record among them.
        let flip = (n * bytes.len() / 200 + n) % bytes.len();
        let damaged = starts.partition_point(|start| *start <= flip) - 1;
        let mut copy = bytes.clone();
        copy[flip] ^= 1 << (n % 8);
        let path = file(dir.path(), "blk.dat", &copy);
        let mut chain = ChainState::in_memory(bitcoin.clone());
        let error = run(&mut chain, &[path]).unwrap_err();
        assert_eq!(error.offset, starts[damaged] as u64, "byte {flip}: {error}");
        let expected = if damaged == 0 { bitcoin.genesis_hash() } else { hashes[damaged - 1] };
        assert_eq!(chain.tip().hash, expected, "byte {flip}: {error}");
    }
}

on_every_engine!(mainnet_is_imported_from_genesis_to_599, headers_of_mainnet_are_imported_to_10236,);
