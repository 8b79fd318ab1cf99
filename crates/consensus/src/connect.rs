//! Putting a block on its parent: the third validity level.

use std::sync::Arc;

use cairn_params::{Activation, ChainSpec, Fork, ScriptException};
use cairn_primitives::{Amount, Block, BlockHash, Coin, Height, OutPoint, Transaction};
use cairn_script::ScriptFlags;

use crate::block::CheckedBlock;
use crate::checks::ScriptChecks;
use crate::coins::{CoinDelta, CoinView, Overlay};
use crate::context::check_context;
use crate::error::{BlockError, TxError};
use crate::locks::check_sequence_locks_at;
use crate::place::Place;
use crate::sigops::sigop_cost;
use crate::tree::{HeaderTree, NodeId};
use crate::tx::check_spend;
use crate::undo::{TxUndo, Undo};

/// From this height on Bitcoin looks for overwritten coins again: coinbases made before BIP34 may
/// name such heights (Core's `BIP34_IMPLIES_BIP30_LIMIT`). It matters on a chain that names a
/// BIP34 block and only there.
const BIP34_IMPLIES_BIP30_LIMIT: Height = Height::new(1_983_702);

/// A block that may be connected once its script checks pass.
///
/// Only [`connect`] makes one. Nothing in it is durable: whoever holds it runs
/// [`scripts`](Self::scripts), on as many threads as it likes, and then applies
/// [`delta`](Self::delta).
#[derive(Debug, Clone)]
pub struct Connection {
    id: NodeId,
    effect: Effect,
}

/// What connecting a block does, and what is left to run.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    delta: CoinDelta,
    undo: Arc<Undo>,
    pub(crate) fees: Amount,
    pub(crate) sigop_cost: u64,
    pub(crate) scripts: ScriptChecks,
    scripts_assumed_valid: bool,
}

impl Connection {
    /// The block's header in the tree.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// What the block does to the coins.
    pub fn delta(&self) -> &CoinDelta {
        &self.effect.delta
    }

    /// The coins it spends, in the order needed to take it off.
    pub fn undo(&self) -> &Arc<Undo> {
        &self.effect.undo
    }

    /// The fees of all its transactions.
    pub fn fees(&self) -> Amount {
        self.effect.fees
    }

    /// What its signature operations cost.
    pub fn sigop_cost(&self) -> u64 {
        self.effect.sigop_cost
    }

    /// The script checks that decide whether the block is valid. All must pass. There is none to run if
    /// [`scripts_assumed_valid`](Self::scripts_assumed_valid).
    pub fn scripts(&self) -> &ScriptChecks {
        &self.effect.scripts
    }

    /// Whether the scripts are left out because the block lies deep below the spec's assumed-valid block
    /// (Core's `-assumevalid`). Everything else about it was checked.
    pub fn scripts_assumed_valid(&self) -> bool {
        self.effect.scripts_assumed_valid
    }

    /// Takes the connection apart into coin changes and undo data.
    pub fn into_parts(self) -> (CoinDelta, Arc<Undo>) {
        (self.effect.delta, self.effect.undo)
    }
}

/// Checks a block on top of its parent, given the coins unspent there.
///
/// `id` is the block's own header in `tree`. Every rule but the scripts is decided here; the scripts
/// are returned as work. Genesis connects with no effect: its output can never be spent.
///
/// # Errors
/// Those of [`check_context`], then the first [`BlockError`] in the order of Core's `ConnectBlock`:
/// overwritten coins, for each transaction missing coins, values and maturity, relative locks and
/// signature operations, at last the coinbase value. [`BlockError::CoinView`] if a coin could not
/// be looked up.
pub fn connect<V: CoinView>(
    tree: &HeaderTree,
    id: NodeId,
    block: Arc<CheckedBlock>,
    coins: &V,
) -> Result<Connection, BlockError> {
    check_context(tree, id, &block)?;
    let effect = match Place::in_tree(tree, id) {
        Some(place) => connect_in_place(&place, block, coins)?,
        None => connect_genesis(block, script_flags(tree, id)),
    };
    Ok(Connection { id, effect })
}

/// [`connect`] of a block that passed [`check_in_place`](crate::context::check_in_place) at this place.
pub(crate) fn connect_in_place<V: CoinView>(
    place: &Place<'_>,
    block: Arc<CheckedBlock>,
    coins: &V,
) -> Result<Effect, BlockError> {
    let flags = flags_where(place.spec, Some(place.hash), |fork| place.holds(fork));
    check_no_overwrite(place, block.block(), coins)?;

    let txs = &block.block().transactions;
    let outputs = txs.iter().map(|tx| tx.outputs().len()).sum();
    let inputs = txs.iter().map(|tx| tx.inputs().len()).sum();
    let overlay = Overlay::new(coins, txs.len(), outputs, inputs);
    let mut pass = Pass { place, flags, fees: Amount::ZERO, sigop_cost: 0, overlay };
    let mut undo = Undo { txs: Vec::with_capacity(txs.len()) };
    for tx in txs {
        let spent = pass.spend_coins(tx)?;
        pass.check_tx(tx, &spent)?;
        pass.make_coins(tx);
        if !tx.is_coinbase() {
            undo.txs.push(TxUndo { coins: spent });
        }
    }
    check_coinbase_value(place, block.block(), pass.fees)?;

    let (fees, sigop_cost, delta) = (pass.fees, pass.sigop_cost, pass.overlay.into_delta());
    let undo = Arc::new(undo);
    let scripts_assumed_valid = place.is_assumed_valid();
    let scripts = match scripts_assumed_valid {
        true => ScriptChecks::none(block, Arc::clone(&undo), flags),
        false => ScriptChecks::new(block, Arc::clone(&undo), flags),
    };
    Ok(Effect { delta, undo, fees, sigop_cost, scripts, scripts_assumed_valid })
}

fn connect_genesis(block: Arc<CheckedBlock>, flags: ScriptFlags) -> Effect {
    let undo = Arc::new(Undo::default());
    let scripts = ScriptChecks::none(block, Arc::clone(&undo), flags);
    Effect {
        delta: CoinDelta::default(),
        undo,
        fees: Amount::ZERO,
        sigop_cost: 0,
        scripts,
        scripts_assumed_valid: false,
    }
}

/// What is carried from transaction to transaction.
struct Pass<'a, V> {
    place: &'a Place<'a>,
    flags: ScriptFlags,
    fees: Amount,
    sigop_cost: u64,
    overlay: Overlay<'a, V>,
}

impl<V: CoinView> Pass<'_, V> {
    /// # Consensus
    /// Every input spends a coin that exists and is unspent at this point of the block.
    fn spend_coins(&mut self, tx: &Transaction) -> Result<Vec<Coin>, BlockError> {
        if tx.is_coinbase() {
            return Ok(Vec::new());
        }
        let mut spent = Vec::with_capacity(tx.inputs().len());
        for (index, input) in tx.inputs().iter().enumerate() {
            let outpoint = input.previous;
            let found = self.overlay.spend(&outpoint);
            let coin = found.map_err(|error| BlockError::CoinView { outpoint, error })?;
            spent.push(coin.ok_or_else(|| in_tx(tx, TxError::MissingOrSpent { index, outpoint }))?);
        }
        Ok(spent)
    }

    fn check_tx(&mut self, tx: &Transaction, spent: &[Coin]) -> Result<(), BlockError> {
        if !tx.is_coinbase() {
            let fee = check_spend(tx, spent, self.place.height, self.place.spec).map_err(|e| in_tx(tx, e))?;
            self.add_fee(fee)?;
            if self.flags.contains(ScriptFlags::CHECKSEQUENCEVERIFY) {
                check_sequence_locks_at(tx, spent, self.place).map_err(|e| in_tx(tx, e))?;
            }
        }
        self.add_sigops(sigop_cost(tx, spent, self.flags))
    }

    /// # Consensus
    /// The fees of a block together stay within the money limit.
    fn add_fee(&mut self, fee: Amount) -> Result<(), BlockError> {
        let limit = self.place.spec.limits.max_money;
        self.fees = match self.fees.checked_add(fee) {
            Some(sum) if sum <= limit => sum,
            _ => return Err(BlockError::FeesOutOfRange { limit }),
        };
        Ok(())
    }

    /// # Consensus
    /// The signature operations of a block, those in P2SH and witness scripts included, cost no more
    /// than the limit.
    fn add_sigops(&mut self, cost: u64) -> Result<(), BlockError> {
        self.sigop_cost += cost;
        let (got, limit) = (self.sigop_cost, self.place.spec.limits.sigop_cost);
        if got > limit { Err(BlockError::Sigops { got, limit }) } else { Ok(()) }
    }

    /// Outputs that no script can ever spend make no coin (Core's `AddCoin`).
    fn make_coins(&mut self, tx: &Transaction) {
        let (height, coinbase) = (self.place.height, tx.is_coinbase());
        let coins = tx.outputs().iter().map(|output| {
            let spendable = !output.script_pubkey.is_unspendable();
            spendable.then(|| Coin { output: output.clone(), height, coinbase })
        });
        self.overlay.make(tx.txid(), coins);
    }
}

fn in_tx(tx: &Transaction, error: TxError) -> BlockError {
    BlockError::Tx { txid: tx.txid(), error }
}

/// # Consensus
/// A block makes no coin that exists already and is unspent. Two blocks of Bitcoin are excepted, and
/// above the BIP34 block the search is left out, because coinbases can no longer repeat. Source:
/// BIP30, Core's `ConnectBlock`.
fn check_no_overwrite<V: CoinView>(place: &Place<'_>, block: &Block, coins: &V) -> Result<(), BlockError> {
    if !must_look_for_coins(place) {
        return Ok(());
    }
    for tx in &block.transactions {
        for vout in 0..tx.outputs().len() as u32 {
            let outpoint = OutPoint { txid: tx.txid(), vout };
            let found = coins.coin(&outpoint).map_err(|error| BlockError::CoinView { outpoint, error })?;
            if found.is_some() {
                return Err(BlockError::CoinExists { outpoint });
            }
        }
    }
    Ok(())
}

/// Whether BIP30 holds in this block and its coins must be looked for.
fn must_look_for_coins(place: &Place<'_>) -> bool {
    let forks = &place.spec.deployments;
    let (height, hash) = (place.height, place.hash);
    let holds = place.holds(Fork::Bip30) && !forks.bip30_exceptions.contains(&(height, hash));
    holds && !bip34_rules_it_out(height, place.follows_bip34_block())
}

/// Whether a block of this height cannot repeat a coinbase, given whether it follows the spec's BIP34
/// block.
fn bip34_rules_it_out(height: Height, follows_bip34_block: bool) -> bool {
    follows_bip34_block && height < BIP34_IMPLIES_BIP30_LIMIT
}

/// # Consensus
/// The coinbase pays out at most the subsidy of its height and the fees of the block.
fn check_coinbase_value(place: &Place<'_>, block: &Block, fees: Amount) -> Result<(), BlockError> {
    let max_money = place.spec.limits.max_money;
    let subsidy = place.spec.subsidy.at(place.height);
    let limit = subsidy.checked_add(fees).ok_or(BlockError::FeesOutOfRange { limit: max_money })?;
    let paid = Amount::checked_sum(block.transactions[0].outputs().iter().map(|o| o.value));
    let got =
        paid.ok_or_else(|| in_tx(&block.transactions[0], TxError::TotalTooLarge { limit: max_money }))?;
    if got > limit { Err(BlockError::CoinbaseValue { got, limit }) } else { Ok(()) }
}

/// The script rules that hold in a block.
///
/// # Consensus
/// P2SH, witness and taproot rules hold from where the spec puts them (on Bitcoin from genesis, with
/// the blocks that broke them excepted by hash); strict DER, CLTV, CSV and NULLDUMMY from the height
/// of their fork. Witness rules hold in every block of a chain on which segwit has a height: below it
/// no block may carry a witness, so such outputs simply cannot be spent yet. Where blocks signal for segwit it may
/// fail, so there they hold once it does; and taproot holds nowhere without them. Source: Core's
/// `GetBlockScriptFlags`.
pub fn script_flags(tree: &HeaderTree, id: NodeId) -> ScriptFlags {
    flags_where(tree.spec(), Some(tree.hash(id)), |fork| tree.holds_in(id, fork))
}

/// The script rules that hold in a block on `parent` that is yet to be made, and so is no exception. See [`script_flags`].
pub fn script_flags_on(tree: &HeaderTree, parent: NodeId) -> ScriptFlags {
    flags_where(tree.spec(), None, |fork| tree.holds_on(parent, fork))
}

/// [`script_flags`] of a block in which `holds` tells whether a fork does; without a hash, of one that is no exception.
pub(crate) fn flags_where(
    spec: &ChainSpec,
    hash: Option<BlockHash>,
    holds: impl Fn(Fork) -> bool,
) -> ScriptFlags {
    let forks = &spec.deployments;
    let exception = hash.and_then(|hash| find_exception(&forks.script_exceptions, hash));
    let (p2sh, witness, taproot) = exception.map_or((true, true, true), |e| (e.p2sh, e.witness, e.taproot));
    let segwit = holds(Fork::Segwit);
    let witness = witness
        && match forks.segwit {
            Activation::Always | Activation::Height(_) => true,
            Activation::Signalled(_) => segwit,
            Activation::Never => false,
        };
    let rules = [
        (ScriptFlags::P2SH, p2sh && holds(Fork::Bip16)),
        (ScriptFlags::WITNESS, witness),
        (ScriptFlags::TAPROOT, witness && taproot && holds(Fork::Taproot)),
        (ScriptFlags::DERSIG, holds(Fork::Bip66)),
        (ScriptFlags::CHECKLOCKTIMEVERIFY, holds(Fork::Bip65)),
        (ScriptFlags::CHECKSEQUENCEVERIFY, holds(Fork::Csv)),
        (ScriptFlags::NULLDUMMY, segwit),
    ];
    rules.iter().filter(|(_, on)| *on).fold(ScriptFlags::NONE, |flags, &(flag, _)| flags | flag)
}

fn find_exception(list: &[ScriptException], hash: BlockHash) -> Option<&ScriptException> {
    list.iter().find(|e| e.block == hash)
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;

    #[test]
    fn overwritten_coins_are_looked_for_again_from_1983702_on() {
        // Core's `BIP34_IMPLIES_BIP30_LIMIT`: the lowest height a coinbase before BIP34 names that is still to come.
        assert!(bip34_rules_it_out(Height::new(1_983_701), true));
        assert!(!bip34_rules_it_out(Height::new(1_983_702), true));
        assert!(!bip34_rules_it_out(Height::new(227_932), false));
    }

    const BIP16_EXCEPTION: &str = "00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22";
    const TAPROOT_EXCEPTION: &str = "0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad";
    const TESTNET3_EXCEPTION: &str = "00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105";
    const ALL: &str = "P2SH,WITNESS,TAPROOT";

    /// Height, block if it is a special one, and the rules of Core 29's `GetBlockScriptFlags` there.
    type Row = (u32, Option<&'static str>, [&'static str; 2]);

    fn check(spec: &ChainSpec, rows: &[Row]) {
        for &(height, hash, [always, by_height]) in rows {
            let hash = hash.map(|hash| hash.parse().unwrap());
            let holds = |fork| spec.deployments.activation(fork).by_height(Height::new(height)) == Some(true);
            let named = [always, by_height].join(",");
            let expected =
                named.split(',').filter(|name| !name.is_empty()).fold(ScriptFlags::NONE, |flags, name| {
                    flags
                        | match name {
                            "P2SH" => ScriptFlags::P2SH,
                            "WITNESS" => ScriptFlags::WITNESS,
                            "TAPROOT" => ScriptFlags::TAPROOT,
                            "DERSIG" => ScriptFlags::DERSIG,
                            "CLTV" => ScriptFlags::CHECKLOCKTIMEVERIFY,
                            "CSV" => ScriptFlags::CHECKSEQUENCEVERIFY,
                            "NULLDUMMY" => ScriptFlags::NULLDUMMY,
                            other => panic!("{other}"),
                        }
                });
            assert_eq!(flags_where(spec, hash, holds), expected, "{} at {height}", spec.chain.name);
        }
    }

    #[test]
    fn script_flags_are_cores_on_bitcoin() {
        check(
            &presets::bitcoin(),
            &[
                (0, None, [ALL, ""]),
                (170_059, None, [ALL, ""]),
                (170_060, Some(BIP16_EXCEPTION), ["", ""]),
                (170_061, None, [ALL, ""]),
                (363_724, None, [ALL, ""]),
                (363_725, None, [ALL, "DERSIG"]),
                (388_380, None, [ALL, "DERSIG"]),
                (388_381, None, [ALL, "DERSIG,CLTV"]),
                (419_327, None, [ALL, "DERSIG,CLTV"]),
                (419_328, None, [ALL, "DERSIG,CLTV,CSV"]),
                (481_823, None, [ALL, "DERSIG,CLTV,CSV"]),
                (481_824, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
                (692_260, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
                (692_261, Some(TAPROOT_EXCEPTION), ["P2SH,WITNESS", "DERSIG,CLTV,CSV,NULLDUMMY"]),
                (692_262, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
                // Where miners' signals put taproot: nothing changes.
                (709_631, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
                (709_632, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
                (u32::MAX, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
            ],
        );
    }

    #[test]
    fn script_flags_are_cores_on_the_test_networks() {
        check(
            &presets::testnet3(),
            &[
                (0, None, [ALL, ""]),
                // An exception goes by its hash; another block at its height is none.
                (500, Some(TESTNET3_EXCEPTION), ["", ""]),
                (500, Some(BIP16_EXCEPTION), [ALL, ""]),
                (330_775, None, [ALL, ""]),
                (330_776, None, [ALL, "DERSIG"]),
                (581_884, None, [ALL, "DERSIG"]),
                (581_885, None, [ALL, "DERSIG,CLTV"]),
                (770_111, None, [ALL, "DERSIG,CLTV"]),
                (770_112, None, [ALL, "DERSIG,CLTV,CSV"]),
                (834_623, None, [ALL, "DERSIG,CLTV,CSV"]),
                (834_624, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"]),
            ],
        );
        for spec in [presets::testnet4(), presets::signet()] {
            check(&spec, &[(0, None, [ALL, ""]), (1, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"])]);
        }
        let genesis = (0, None, [ALL, "NULLDUMMY"]);
        check(&presets::regtest(), &[genesis, (1, None, [ALL, "DERSIG,CLTV,CSV,NULLDUMMY"])]);
    }
}
