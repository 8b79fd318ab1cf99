//! What blocks do to coins, against a map that is rebuilt by hand.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{CoinDelta, Connection, HeaderTree, Undo, check_block, connect, disconnect};
use cairn_params::{Activation, ChainSpec};
use cairn_primitives::{Block, BlockHash, Coin, Decode, Encode, Height, OutPoint, Script, TxOut, op};
use cairn_testkit::{Draft, Forge, Spend};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{anyone, easy, sat};

type Coins = HashMap<OutPoint, Coin>;

/// One transaction of a block to be made.
#[derive(Debug, Clone)]
struct Recipe {
    /// Which of the coins that may be spent go in; an index may pick one made in the same block.
    inputs: Vec<Index>,
    /// What the value is split into; 0 makes an output that cannot be spent, 1 one that is too long to be.
    outputs: Vec<u8>,
}

fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    let recipe = (vec(any::<Index>(), 1..4), vec(0u8..8, 1..5))
        .prop_map(|(inputs, outputs)| Recipe { inputs, outputs });
    vec(recipe, 0..6)
}

fn locking(kind: u8) -> Script {
    match kind {
        0 => Script::op_return(b"gone"),
        1 => Script::from_bytes(vec![op::OP_1; 10_001]),
        _ => anyone(),
    }
}

/// Adds the transactions to a block on `tip`, as far as there are coins for them.
fn cook(forge: &Forge, tip: BlockHash, recipes: &[Recipe]) -> Block {
    let mut pool = forge.spendable(tip, &anyone());
    let mut draft: Draft = forge.draft(tip).pay_to(anyone());
    let height = draft.place().height;
    for recipe in recipes {
        let mut spend = Spend::new();
        let mut value = 0;
        for pick in &recipe.inputs {
            if pool.is_empty() {
                break;
            }
            let (outpoint, coin) = pool.remove(pick.index(pool.len()));
            value += coin.output.value.to_sat();
            spend = spend.from(outpoint, coin);
        }
        if value < recipe.outputs.len() as u64 + 1 {
            break;
        }
        let share = value / (recipe.outputs.len() as u64 + 1);
        spend = recipe.outputs.iter().fold(spend, |spend, kind| spend.to(sat(share), locking(*kind)));
        let fee = value - share * recipe.outputs.len() as u64;
        let tx = spend.unsigned();
        let spendable = (0..).zip(tx.outputs()).filter(|(_, output)| output.script_pubkey == anyone());
        pool.extend(spendable.map(|(vout, output)| {
            (OutPoint { txid: tx.txid(), vout }, Coin { output: output.clone(), height, coinbase: false })
        }));
        draft = draft.add(tx, sat(fee));
    }
    draft.seal()
}

fn connected(tree: &HeaderTree, block: &Block, coins: &Coins) -> Connection {
    let id = tree.get(&block.hash()).expect("the forge inserted it");
    let checked = check_block(block.clone(), tree.spec()).expect("the forge accepted it");
    connect(tree, id, Arc::new(checked), coins).expect("the forge accepted it")
}

/// The block's effect, spelled out: what goes in is removed, what comes out is added.
fn by_hand(coins: &Coins, block: &Block, height: Height) -> Coins {
    let mut coins = coins.clone();
    for (index, tx) in block.transactions.iter().enumerate() {
        if index > 0 {
            for input in tx.inputs() {
                coins.remove(&input.previous).expect("the coin is there");
            }
        }
        for (vout, output) in (0..).zip(tx.outputs()) {
            let bytes = output.script_pubkey.as_bytes();
            if bytes.first() != Some(&op::OP_RETURN) && bytes.len() <= 10_000 {
                let coin = Coin { output: output.clone(), height, coinbase: index == 0 };
                assert_eq!(coins.insert(OutPoint { txid: tx.txid(), vout }, coin), None);
            }
        }
    }
    coins
}

fn applied(delta: &CoinDelta, coins: &Coins) -> Coins {
    let mut coins = coins.clone();
    delta.clone().apply(&mut coins);
    coins
}

fn is_net(delta: &CoinDelta) {
    let spent: std::collections::HashSet<_> = delta.spent.iter().collect();
    assert_eq!(spent.len(), delta.spent.len(), "no coin is spent twice");
    let created: std::collections::HashSet<_> = delta.created.iter().map(|(outpoint, _)| outpoint).collect();
    assert_eq!(created.len(), delta.created.len(), "no coin is made twice");
    assert!(spent.is_disjoint(&created));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_go_on_and_come_off_exactly(chain in vec(recipes(), 4..12)) {
        let mut forge = Forge::new(Arc::new(easy()));
        let mut tip = forge.extend(forge.genesis(), 4, &anyone());
        let mut stack: Vec<(Block, Arc<Undo>, Coins)> = Vec::new();
        for recipes in &chain {
            let block = cook(&forge, tip, recipes);
            let before = forge.coins(tip).clone();
            tip = forge.accept(block.clone()).expect("the recipe makes valid blocks");

            let connection = connected(forge.tree(), &block, &before);
            let delta = connection.delta();
            is_net(delta);
            prop_assert!(delta.spent.iter().all(|outpoint| before.contains_key(outpoint)));
            let after = by_hand(&before, &block, forge.height(tip));
            prop_assert_eq!(&applied(delta, &before), &after);
            prop_assert_eq!(&applied(delta, &after), &after, "twice is once");
            prop_assert_eq!(forge.coins(tip), &after);

            let paid: u64 = block.transactions[0].outputs().iter().map(|o| o.value.to_sat()).sum();
            let subsidy = forge.spec().subsidy.at(forge.height(tip)).to_sat();
            prop_assert_eq!(connection.fees().to_sat(), paid - subsidy);
            stack.push((block, Arc::clone(connection.undo()), before));
        }

        let mut coins = forge.coins(tip).clone();
        for (block, undo, before) in stack.into_iter().rev() {
            let undo = Undo::from_bytes(&undo.to_bytes()).expect("it was written by us");
            let delta = disconnect(&block, undo).expect("it belongs to the block");
            let restored = applied(&delta, &coins);
            prop_assert_eq!(&restored, &before);
            prop_assert_eq!(&applied(&delta, &restored), &before, "twice is once");
            // What was never there to begin with may be named as gone, but not as back.
            prop_assert!(delta.created.iter().all(|(outpoint, coin)| before.get(outpoint) == Some(coin)));
            coins = restored;
        }
    }
}

/// A chain of three spends inside one block leaves one coin and undoes to the first.
#[test]
fn coins_of_a_moment_are_in_neither_list() {
    let mut forge = Forge::new(Arc::new(easy()));
    let tip = forge.extend(forge.genesis(), 3, &anyone());
    let (outpoint, coin) = forge.spendable(tip, &anyone()).remove(0);
    let height = forge.height(tip).next();
    let value = coin.output.value;
    let mut txs = vec![Spend::new().from(outpoint, coin.clone()).to(value, anyone()).unsigned()];
    for n in 0..2 {
        let made = Coin { output: txs[n].outputs()[0].clone(), height, coinbase: false };
        let from = OutPoint { txid: txs[n].txid(), vout: 0 };
        txs.push(Spend::new().from(from, made).to(value, anyone()).unsigned());
    }
    let draft = forge.draft(tip).pay_to(Script::op_return(b""));
    let block = txs.iter().fold(draft, |draft, tx| draft.add(tx.clone(), sat(0))).seal();
    let before = forge.coins(tip).clone();
    forge.accept(block.clone()).unwrap();

    let connection = connected(forge.tree(), &block, &before);
    assert_eq!(connection.delta().spent, [outpoint]);
    let last = OutPoint { txid: txs[2].txid(), vout: 0 };
    assert_eq!(connection.delta().created.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [last]);
    let (delta, undo) = connection.into_parts();
    assert_eq!(undo.txs.len(), 3);
    let back = disconnect(&block, (*undo).clone()).unwrap();
    assert_eq!(back.created, [(outpoint, coin)]);
    assert_eq!(applied(&back, &applied(&delta, &before)), before);
}

/// The longest script that makes a coin, and one byte more.
#[test]
fn scripts_above_10000_bytes_make_no_coin() {
    let mut forge = Forge::new(Arc::new(easy()));
    for (len, coins) in [(10_000, 1), (10_001, 1)] {
        let script = Script::from_bytes(vec![op::OP_1; len]);
        let tip = forge.extend(forge.genesis(), 1, &script);
        assert_eq!(forge.coins(tip).len(), if len == 10_000 { coins } else { 0 });
    }
    let tip = forge.extend(forge.genesis(), 1, &Script::op_return(b"x"));
    assert!(forge.coins(tip).is_empty());
    // An empty script is no obstacle.
    let tip = forge.extend(forge.genesis(), 1, &Script::new());
    assert_eq!(forge.coins(tip).len(), 1);
}

/// Coins made by a coinbase ripen at the very block the spec says, seen through whole blocks.
#[test]
fn coinbases_ripen_on_time() {
    let mut spec: ChainSpec = easy();
    spec.limits.coinbase_maturity = 5;
    for (blocks, passes) in [(5, true), (4, false)] {
        let mut forge = Forge::new(Arc::new(spec.clone()));
        // The first block's coinbase is spent at height 1 + blocks.
        let first = forge.extend(forge.genesis(), 1, &anyone());
        let (outpoint, coin) =
            forge.coins(first).iter().next().map(|(at, coin)| (*at, coin.clone())).unwrap();
        let tip = forge.extend(first, blocks - 1, &Script::op_return(b""));
        let value = coin.output.value;
        let spend = Spend::new().from(outpoint, coin).to(value, anyone()).unsigned();
        let block = forge.draft(tip).add(spend, sat(0)).seal();
        let result = forge.accept(block);
        assert_eq!(result.is_ok(), passes, "{result:?}");
        if let Err(error) = result {
            assert_eq!(error.code(), "bad-txns-premature-spend-of-coinbase");
        }
    }
}

/// On a chain without BIP30 and BIP34 a repeated coinbase overwrites its coin; taking it off again leaves
/// nothing, as in Core.
#[test]
fn an_overwritten_coin_does_not_come_back() {
    let mut spec = easy();
    (spec.deployments.bip30, spec.deployments.bip34) = (Activation::Never, Activation::Never);
    let output = TxOut { value: sat(1), script_pubkey: anyone() };
    let mut forge = Forge::new(Arc::new(spec));
    let first = forge.draft(forge.genesis()).pay_to(output.script_pubkey.clone()).seal();
    let tip = forge.accept(first.clone()).unwrap();
    let mut second = forge.draft(tip).seal();
    second.transactions = first.transactions.clone();
    let second = cairn_testkit::reseal(second);
    let before = forge.coins(tip).clone();
    let tip = forge.accept(second.clone()).unwrap();
    assert_eq!(forge.coins(tip).len(), 1);
    assert_eq!(forge.coins(tip).values().next().unwrap().height, forge.height(tip));

    let connection = connected(forge.tree(), &second, &before);
    let undo = (**connection.undo()).clone();
    let delta = disconnect(&second, undo).unwrap();
    assert!(applied(&delta, forge.coins(tip)).is_empty());
}
