//! The caches of what scripts passed: one pair for a process, shared by the pool, which fills it, and the chain.

use std::sync::Arc;
use std::time::Duration;

use cairn_rpc::Metrics;
use cairn_script::Caches;

use crate::error::NodeError;

/// Time between two looks at the counters.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Caches of at most `bytes` under a key from the system, drawn anew for each process.
pub(crate) fn open(bytes: usize) -> Result<Arc<Caches>, NodeError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(NodeError::NoRandomness)?;
    Ok(Arc::new(Caches::new(key, bytes)))
}

/// Shows hits and misses at `/metrics`, for as long as it is polled.
pub(crate) async fn count(caches: Arc<Caches>, metrics: Metrics) {
    loop {
        record(&caches, &metrics);
        tokio::time::sleep(COUNT_EVERY).await;
    }
}

fn record(caches: &Caches, metrics: &Metrics) {
    let (signatures, scripts) = (caches.signatures().stats(), caches.scripts().stats());
    for (name, help, value) in [
        ("cairn_signature_cache_hits_total", "Signatures known to be valid.", signatures.hits),
        ("cairn_signature_cache_misses_total", "Signatures that had to be checked.", signatures.misses),
        ("cairn_script_cache_hits_total", "Transactions known to pass, by task.", scripts.hits),
        (
            "cairn_script_cache_misses_total",
            "Transactions whose scripts had to run, by task.",
            scripts.misses,
        ),
    ] {
        metrics.counter(name, help).absolute(value);
    }
}

#[cfg(test)]
mod tests {
    use cairn_chainstate::ChainState;
    use cairn_mempool::FeeEstimator;
    use cairn_params::presets;
    use cairn_primitives::{Amount, BlockTime};
    use cairn_testkit::{Forge, Spend, TestKey};

    use super::*;
    use crate::pool::Pool;

    const LATE: BlockTime = BlockTime::new(u32::MAX);

    /// A payment comes into the pool, and then in a block: the chain runs nothing of it. Then one that was never in the pool.
    #[test]
    fn a_block_of_what_is_in_the_pool_checks_no_signature() {
        let spec = Arc::new(presets::dev());
        let (mut forge, key) = (Forge::new(Arc::clone(&spec)), TestKey::new(1));
        let ripe = spec.limits.coinbase_maturity as usize;
        let tip = forge.extend(forge.genesis(), ripe + 1, &key.p2pkh());
        let mut state = ChainState::in_memory(spec);
        let caches = open(1 << 20).unwrap();
        state.use_caches(Arc::clone(&caches));
        for block in forge.chain(tip) {
            state.submit_block(block.clone(), LATE).unwrap();
        }
        let pool = Pool::new(state.reader(), FeeEstimator::default(), Arc::clone(&caches));
        let fee = Amount::from_sat(1_000);
        let payments: Vec<_> = forge
            .spendable(tip, &key.p2pkh())
            .into_iter()
            .take(2)
            .map(|(outpoint, coin)| {
                let rest = coin.output.value.checked_sub(fee).unwrap();
                Spend::new().from(outpoint, coin).to(rest, key.p2pkh()).sign(&key)
            })
            .collect();
        let tally = || {
            let (signatures, scripts) = (caches.signatures().stats(), caches.scripts().stats());
            [signatures.hits, signatures.misses, scripts.hits, scripts.misses]
        };

        let accepted = pool.accept(Arc::new(payments[0].clone()), crate::writer::now());
        assert_eq!(accepted.map(|accepted| accepted.txid), Ok(payments[0].txid()));
        assert_eq!(
            tally(),
            [1, 1, 0, 1],
            "under the standard rules, and again under those of the next block"
        );

        let block = forge.draft(tip).add(payments[0].clone(), fee).seal();
        state.submit_block(block.clone(), LATE).unwrap();
        assert_eq!(state.tip().hash, block.hash());
        assert_eq!(tally(), [1, 1, 1, 1], "no signature was asked for");

        let tip = forge.accept(block).unwrap();
        let block = forge.draft(tip).add(payments[1].clone(), fee).seal();
        state.submit_block(block.clone(), LATE).unwrap();
        assert_eq!(state.tip().hash, block.hash());
        assert_eq!(tally(), [1, 2, 1, 2], "a stranger is checked");

        let metrics = Metrics::new();
        record(&caches, &metrics);
        let text = metrics.render();
        assert!(text.contains("\ncairn_signature_cache_misses_total 2\n"), "{text}");
        assert!(text.contains("\ncairn_script_cache_hits_total 1\n"), "{text}");
    }
}
