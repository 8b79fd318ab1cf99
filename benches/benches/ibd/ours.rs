//! Our import.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cairn_chainstate::{ChainState, ChainStateConfig, Engine, import};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Block, BlockTime, Decode};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::child::{self, End, Job, Sample};
use crate::measure;
use crate::queries::LONGEST_WAIT;

/// The engine of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub(crate) enum StoreName {
    Sled,
    Fjall,
}

impl StoreName {
    pub(crate) fn engine(self) -> Engine {
        match self {
            StoreName::Sled => Engine::Sled,
            StoreName::Fjall => Engine::Fjall,
        }
    }
}

/// Imports the file into a new chain and closes it.
pub(crate) fn import(job: &Job, store: StoreName) -> Result<End, Failure> {
    let mut chain = ChainState::open(spec(job), &config(job, store))?;
    let now = now();
    if let Some(assumed) = &job.assumed {
        import::headers(&mut chain, std::slice::from_ref(&assumed.headers), now, |_| {
            ControlFlow::Continue(())
        })?;
    }
    let (start, mut samples) = (Instant::now(), Vec::new());
    let mut next = job.every;
    import::blocks(&mut chain, std::slice::from_ref(&job.file), now, |progress| {
        let height = progress.height.to_u32();
        if job.every > 0 && height >= next {
            samples.push(Sample {
                height,
                seconds: start.elapsed().as_secs_f64(),
                memory: measure::memory(),
            });
            next = height + job.every;
        }
        ControlFlow::Continue(())
    })?;
    let reorg = child::change_branch(job, |block| {
        chain.submit_block(Block::from_bytes(block)?, now)?;
        // The indexes that are on belong to it.
        let reader = chain.reader();
        reader
            .indexes()
            .iter()
            .try_for_each(|index| reader.wait_for_index(*index, LONGEST_WAIT).map(|_| ()))?;
        Ok(())
    })?;
    let tip = chain.tip().hash;
    chain.close()?;
    Ok(End { tip, samples, reorg })
}

fn spec(job: &Job) -> Arc<ChainSpec> {
    let mut spec = presets::regtest();
    spec.assume.assumed_valid = job.assumed.as_ref().map(|assumed| assumed.tip);
    Arc::new(spec)
}

fn config(job: &Job, store: StoreName) -> ChainStateConfig {
    ChainStateConfig {
        engine: Some(store.engine()),
        cache_bytes: job.cache_mib << 20,
        script_threads: job.threads,
        txindex: job.indexes,
        addrindex: job.indexes,
        coinstatsindex: job.indexes,
        ..ChainStateConfig::new(&job.dir)
    }
}

/// The local time, for the rule about headers from the future.
pub(crate) fn now() -> BlockTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    BlockTime::new(u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}
