//! Bitcoin Core's engine.
//!
//! The safe interface of `bitcoinkernel` has no way to assume a block valid: Core's library takes it from the chain's
//! parameters alone. So the chain is opened through the C interface below it, where the parameters can be reached
//! before the engine has them. Cache (450 MiB) and everything else are the library's own.
#![allow(unsafe_code)] // calls into C++; the block that both engines must end at is what their use is checked by

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bitcoinkernel::{Log, Logger};
use cairn_params::presets;
use cairn_primitives::{BlockHash, Header};
use libbitcoinkernel_sys as sys;

use crate::Failure;
use crate::child::{self, Assumed, End, Engine, Job, Sample};
use crate::measure;
use crate::records::Records;

/// Imports the file into a new chain and closes it.
pub(crate) fn import(job: &Job) -> Result<End, Failure> {
    let skipping = Arc::new(AtomicU32::new(0));
    let _logger = Logger::new(SkipLog(Arc::clone(&skipping)))?;
    let engine = Core::open(job)?;
    if let Some(assumed) = &job.assumed {
        let headers = std::fs::read(&assumed.headers)?;
        headers.chunks(Header::SIZE).try_for_each(|header| engine.submit_header(header))?;
    }
    let samples = match job.engine {
        Engine::CoreFile => engine.import_file(&job.file).map(|()| Vec::new())?,
        _ => hand_over(&engine, job)?,
    };
    let reorg = child::change_branch(job, |block| engine.submit(block))?;
    let tip = engine.tip();
    drop(engine);
    let skipped = skipping.load(Ordering::Relaxed) > 0;
    if skipped != job.assumed.is_some() {
        return Err(format!("Core left scripts out: {skipped}").into());
    }
    Ok(End { tip, samples, reorg })
}

/// Gives the blocks of the file one after the other.
fn hand_over(engine: &Core, job: &Job) -> Result<Vec<Sample>, Failure> {
    let (start, mut samples) = (Instant::now(), Vec::new());
    for (height, record) in (0..).zip(Records::open(&job.file)?).skip(1) {
        engine.submit(record?.block())?;
        if job.every > 0 && height % job.every == 0 {
            samples.push(Sample {
                height,
                seconds: start.elapsed().as_secs_f64(),
                memory: measure::memory(),
            });
        }
    }
    Ok(samples)
}

/// Counts the times Core says that it leaves scripts out.
struct SkipLog(Arc<AtomicU32>);

impl Log for SkipLog {
    fn log(&self, message: &str) {
        if message.contains("Disabling script verification at block") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A thing of the library, or the failure to make it.
fn made<T>(what: &'static str, pointer: *mut T) -> Result<NonNull<T>, Failure> {
    NonNull::new(pointer).ok_or_else(|| format!("Core's engine: {what} failed").into())
}

/// Core's engine on regtest.
struct Core {
    manager: NonNull<sys::btck_ChainstateManager>,
    context: NonNull<sys::btck_Context>,
}

impl Core {
    fn open(job: &Job) -> Result<Self, Failure> {
        let context = context(job.assumed.as_ref())?;
        let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("the path is no text");
        let (data, blocks) = (text(&job.dir.join("data"))?, text(&job.dir.join("blocks"))?);
        let workers = c_int::try_from(job.threads.saturating_sub(1))?;
        // SAFETY: the context is alive, paths are given with their lengths, and the options are freed once, after
        // their last use.
        let manager = unsafe {
            let (data_at, blocks_at) = (data.as_ptr().cast::<c_char>(), blocks.as_ptr().cast::<c_char>());
            let options = sys::btck_chainstate_manager_options_create(
                context.as_ptr(),
                data_at,
                data.len(),
                blocks_at,
                blocks.len(),
            );
            let options = made("its options", options)?.as_ptr();
            // Beside the caller's thread.
            sys::btck_chainstate_manager_options_set_worker_threads_num(options, workers);
            let manager = sys::btck_chainstate_manager_create(options);
            sys::btck_chainstate_manager_options_destroy(options);
            manager
        };
        let core = Self { manager: made("its start", manager)?, context };
        // As a start of Core does: it leaves the state of a reindex.
        core.import_files(&[])?;
        Ok(core)
    }

    fn submit_header(&self, header: &[u8]) -> Result<(), Failure> {
        // SAFETY: the bytes are given with their length; header and state are freed once.
        unsafe {
            let header =
                made("a header", sys::btck_block_header_create(header.as_ptr().cast(), header.len()))?;
            let state =
                sys::btck_chainstate_manager_process_block_header(self.manager.as_ptr(), header.as_ptr());
            sys::btck_block_header_destroy(header.as_ptr());
            let state = made("taking a header", state)?;
            let mode = sys::btck_block_validation_state_get_validation_mode(state.as_ptr());
            sys::btck_block_validation_state_destroy(state.as_ptr());
            if mode != sys::btck_ValidationMode_VALID {
                return Err("Core refused a header".into());
            }
        }
        Ok(())
    }

    fn submit(&self, block: &[u8]) -> Result<(), Failure> {
        let mut new: c_int = 0;
        // SAFETY: the bytes are given with their length; the block is freed once.
        let taken = unsafe {
            let block = made("a block", sys::btck_block_create(block.as_ptr().cast(), block.len()))?;
            let taken =
                sys::btck_chainstate_manager_process_block(self.manager.as_ptr(), block.as_ptr(), &mut new);
            sys::btck_block_destroy(block.as_ptr());
            taken
        };
        match taken {
            0 => Ok(()),
            _ => Err("Core refused a block".into()),
        }
    }

    fn import_file(&self, file: &Path) -> Result<(), Failure> {
        self.import_files(&[file.to_str().ok_or("the path is no text")?])
    }

    fn import_files(&self, files: &[&str]) -> Result<(), Failure> {
        let mut paths: Vec<*const c_char> = files.iter().map(|file| file.as_ptr().cast()).collect();
        let mut lens: Vec<usize> = files.iter().map(|file| file.len()).collect();
        // SAFETY: as many paths as lengths, all alive during the call.
        let done = unsafe {
            sys::btck_chainstate_manager_import_blocks(
                self.manager.as_ptr(),
                paths.as_mut_ptr(),
                lens.as_mut_ptr(),
                files.len(),
            )
        };
        match done {
            0 => Ok(()),
            _ => Err("Core refused the file".into()),
        }
    }

    fn tip(&self) -> BlockHash {
        let mut bytes = [0; 32];
        // SAFETY: chain, entry and hash are views into the manager, which is alive; a chain has a tip from genesis on; 32
        // bytes are written.
        unsafe {
            let chain = sys::btck_chainstate_manager_get_active_chain(self.manager.as_ptr());
            let tip = sys::btck_chain_get_by_height(chain, sys::btck_chain_get_height(chain));
            let hash = sys::btck_block_tree_entry_get_block_hash(tip);
            sys::btck_block_hash_to_bytes(hash, bytes.as_mut_ptr());
        }
        BlockHash::from_bytes(bytes)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // SAFETY: both were made by `open` and are used by nobody else; the context outlives the manager.
        unsafe {
            sys::btck_chainstate_manager_destroy(self.manager.as_ptr());
            sys::btck_context_destroy(self.context.as_ptr());
        }
    }
}

/// Core's engine for regtest, which believes the scripts up to the block given.
fn context(assumed: Option<&Assumed>) -> Result<NonNull<sys::btck_Context>, Failure> {
    // SAFETY: parameters and options are made here and freed once, after their last use; the options copy the
    // parameters.
    unsafe {
        let params = made("its parameters", sys::btck_chain_parameters_create(sys::btck_ChainType_REGTEST))?;
        let set = assumed.map_or(Ok(()), |assumed| assume(params, assumed.tip));
        let options = sys::btck_context_options_create();
        sys::btck_context_options_set_chainparams(options, params.as_ptr());
        sys::btck_chain_parameters_destroy(params.as_ptr());
        let context = sys::btck_context_create(options);
        sys::btck_context_options_destroy(options);
        set?;
        made("its context", context)
    }
}

/// The block that this edition of Core assumes valid on mainnet, as it is shown.
const MAINNET_ASSUMED: &str = "00000000000000000000ccebd6d74d9194d8dcdc1d177c478e094bfad51ba5ac";

/// Bytes of Core's consensus parameters that are looked at. They are plain members up to the one searched, which
/// comes after 300 bytes, and 32 more follow it.
const LOOKED_AT: usize = 344;

/// Sets the block that is assumed valid. Where it lies is the same for every chain, and on mainnet its value is known.
fn assume(params: NonNull<sys::btck_ChainParameters>, tip: BlockHash) -> Result<(), Failure> {
    let known: BlockHash = MAINNET_ASSUMED.parse()?;
    // SAFETY: the parameters are larger than what is read and alive as long as the slices; nobody else knows
    // those of mainnet, and those of regtest have no other user yet.
    unsafe {
        let mainnet = made("mainnet", sys::btck_chain_parameters_create(sys::btck_ChainType_MAINNET))?;
        let bytes = consensus(mainnet.as_ptr());
        let place = bytes.windows(32).position(|window| window == known.as_bytes());
        sys::btck_chain_parameters_destroy(mainnet.as_ptr());
        let place = place.ok_or("Core's assumed-valid block is not where it was")?;
        let bytes = consensus(params.as_ptr());
        let genesis = presets::regtest().genesis_hash();
        if !bytes.starts_with(genesis.as_bytes()) || bytes[place..place + 32] != [0; 32] {
            return Err("Core's parameters of regtest are not what they were".into());
        }
        bytes[place..place + 32].copy_from_slice(tip.as_bytes());
    }
    Ok(())
}

/// The first bytes of Core's consensus parameters.
unsafe fn consensus<'a>(params: *mut sys::btck_ChainParameters) -> &'a mut [u8] {
    // SAFETY: the caller's: the parameters are alive and nobody else's.
    unsafe {
        let consensus = sys::btck_chain_parameters_get_consensus_params(params);
        let start = consensus.cast::<c_void>().cast_mut().cast::<u8>();
        std::slice::from_raw_parts_mut(start, LOOKED_AT)
    }
}
