//! What the pool asks of the chain.

use cairn_consensus::CoinViewError;
use cairn_primitives::{BlockTime, Coin, Height, OutPoint};
use cairn_script::ScriptFlags;

/// The chain as the pool sees it: one consistent view of one tip.
pub trait ChainView {
    /// The confirmed and unspent coin at `outpoint`; `Ok(None)` if it never existed or was spent.
    ///
    /// # Errors
    /// [`CoinViewError`] when the view cannot tell.
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError>;

    /// Height of the tip.
    fn tip_height(&self) -> Height;

    /// Median time past of the block at `height`, at most the tip's, on the chain of the tip.
    fn median_time_past(&self, height: Height) -> BlockTime;

    /// The script rules of the next block on the tip. `None` leaves it to the spec to say by height, which it can where blocks
    /// signal for no fork.
    fn next_script_flags(&self) -> Option<ScriptFlags> {
        None
    }
}

impl<C: ChainView + ?Sized> ChainView for &C {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        (**self).coin(outpoint)
    }

    fn tip_height(&self) -> Height {
        (**self).tip_height()
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        (**self).median_time_past(height)
    }

    fn next_script_flags(&self) -> Option<ScriptFlags> {
        (**self).next_script_flags()
    }
}
