//! From a spec to a commented file.

use std::fmt::Display;

use cairn_primitives::{BlockHash, Height, hex};

use super::value::{AFTER_TWICE_SPACING, ALWAYS, NEVER, NONE};
use crate::signalling::{Schedule, Signalling};
use crate::spec::{Activation, AssumedCoins, ChainSpec, MinDifficulty, Retarget, ScriptException};
use crate::subsidy::Subsidy;

const INTRODUCTION: &str = "\
# A chain spec: everything that differs between two chains.
# Hashes are written as they are displayed, other hex in the order of its bytes. Amounts are in the smallest unit.
# A field may be \"none\" where that is said. To change only a few fields of a preset, put
#     extends = \"bitcoin\"
# at the top instead and state those fields alone.
";

/// Grows the text; one entry is its comment, its key and its value.
struct Writer {
    text: String,
}

impl Writer {
    fn section(&mut self, name: &str, comment: &str) {
        self.text += &format!("\n# {comment}\n[{name}]\n");
    }

    fn entry(&mut self, key: &str, value: impl Display, comment: &str) {
        self.text += &format!("# {comment}\n{key} = {value}\n");
    }
}

/// The whole file.
pub(super) fn spec(spec: &ChainSpec) -> String {
    let mut out = Writer { text: INTRODUCTION.to_owned() };
    chain(&mut out, spec);
    network(&mut out, spec);
    address(&mut out, spec);
    genesis(&mut out, spec);
    pow(&mut out, spec);
    subsidy(&mut out, spec);
    limits(&mut out, spec);
    deployments(&mut out, spec);
    assume(&mut out, spec);
    out.text
}

fn chain(out: &mut Writer, spec: &ChainSpec) {
    out.section("chain", "Name and unit.");
    out.entry(
        "name",
        quoted(&spec.chain.name),
        "Small letters, digits and hyphens; also the name of the data directory.",
    );
    out.entry(
        "ticker",
        quoted(&spec.chain.ticker),
        "Capitals and digits; in small letters part of JSON field names.",
    );
    out.entry("decimals", spec.chain.decimals, "Decimal places of one coin, at most 18.");
}

fn network(out: &mut Writer, spec: &ChainSpec) {
    let network = &spec.network;
    out.section("network", "How nodes find and recognise each other.");
    out.entry(
        "magic",
        hexed(&network.magic),
        "First four bytes of each message and of each block record on disk.",
    );
    out.entry("p2p_port", network.p2p_port, "Default port between nodes.");
    out.entry("http_port", network.http_port, "Default port of the HTTP interface.");
    out.entry(
        "dns_seeds",
        list(&network.dns_seeds, |seed| quoted(seed)),
        "Host names that resolve to nodes.",
    );
    out.entry("fixed_seeds", list(&network.fixed_seeds, |seed| quoted(seed)), "Nodes, as host:port.");
}

fn address(out: &mut Writer, spec: &ChainSpec) {
    let address = &spec.address;
    out.section("address", "Prefixes of addresses and keys.");
    out.entry("p2pkh", address.p2pkh, "Version byte of pay-to-public-key-hash addresses.");
    out.entry("p2sh", address.p2sh, "Version byte of pay-to-script-hash addresses.");
    out.entry("wif", address.wif, "Version byte of exported private keys.");
    out.entry(
        "hrp",
        quoted(address.hrp.as_str()),
        "What witness addresses begin with: 1 to 18 small characters.",
    );
    out.entry("xpub", hexed(&address.xpub), "Version of extended public keys.");
    out.entry("xprv", hexed(&address.xprv), "Version of extended private keys.");
    out.entry(
        "coin_type",
        address.coin_type,
        "Coin type in derivation paths (SLIP 44); 1 is for test networks.",
    );
}

fn genesis(out: &mut Writer, spec: &ChainSpec) {
    let genesis = &spec.genesis;
    out.section("genesis", "The first block. `cairn-node chain mine-genesis` finds nonce and hash.");
    out.entry("version", genesis.version, "Header version.");
    out.entry("time", genesis.time.to_u32(), "Header time, Unix seconds.");
    out.entry("bits", quoted(&genesis.bits.to_string()), "Header bits: the target in compact form.");
    out.entry("nonce", genesis.nonce, "Header nonce.");
    out.entry("message", quoted(&genesis.message), "Text in the coinbase, at most 91 bytes.");
    out.entry(
        "output_script",
        hexed(genesis.output_script.as_bytes()),
        "Script of the only output, which can never be spent.",
    );
    out.entry("reward", genesis.reward.to_sat(), "Value of the only output.");
    out.entry("hash", quoted(&genesis.hash.to_string()), "The hash the header must have.");
}

fn pow(out: &mut Writer, spec: &ChainSpec) {
    let pow = &spec.pow;
    out.section("pow", "Proof of work.");
    let compact = pow.limit.to_compact();
    out.entry(
        "limit",
        quoted(&pow.limit.to_string()),
        &format!("The easiest target: 64 digits, or 8 in compact form (here {compact})."),
    );
    out.entry("spacing", pow.spacing, "Wanted seconds between blocks.");
    let min_difficulty = match pow.min_difficulty {
        MinDifficulty::Never => NEVER,
        MinDifficulty::AfterTwiceSpacing => AFTER_TWICE_SPACING,
    };
    let comment = "\"never\", or \"after-twice-spacing\": a block that late after its parent carries the limit (epoch only).";
    out.entry("min_difficulty", quoted(min_difficulty), comment);
    out.section(
        "pow.retarget",
        "How the target follows the block times: kind \"epoch\", \"asert\" or \"none\".",
    );
    let comment = "Which of the three; the other fields depend on it.";
    match pow.retarget {
        Retarget::Epoch { window, clamp, from_first } => {
            out.entry("kind", quoted("epoch"), comment);
            out.entry("window", window, "Blocks between two adjustments, at least 2.");
            out.entry("clamp", clamp, "Largest factor of one adjustment, either way.");
            out.entry(
                "from_first",
                from_first,
                "Scale the target of the period's first block rather than of its last (BIP94).",
            );
        }
        Retarget::Asert { half_life } => {
            out.entry("kind", quoted("asert"), comment);
            out.entry(
                "half_life",
                half_life,
                "Seconds behind or ahead of schedule that double or halve the target.",
            );
        }
        Retarget::None => out.entry("kind", quoted("none"), comment),
    }
}

fn subsidy(out: &mut Writer, spec: &ChainSpec) {
    out.section("subsidy", "New coin for each block: kind \"halving\" or \"constant\".");
    let comment = "Which of the two; the other fields depend on it.";
    match spec.subsidy {
        Subsidy::Halving { initial, interval } => {
            out.entry("kind", quoted("halving"), comment);
            out.entry("initial", initial.to_sat(), "Subsidy of the first blocks.");
            out.entry("interval", interval, "Blocks between two halvings.");
        }
        Subsidy::Constant { amount } => {
            out.entry("kind", quoted("constant"), comment);
            out.entry("amount", amount.to_sat(), "Subsidy of every block, without end.");
        }
    }
}

fn limits(out: &mut Writer, spec: &ChainSpec) {
    let limits = &spec.limits;
    out.section("limits", "Sizes, counts and ages that blocks and transactions must keep.");
    out.entry(
        "maturity",
        limits.coinbase_maturity,
        "Blocks between a coinbase and the first block that may spend it.",
    );
    out.entry("weight", limits.block_weight, "Most weight units of a block (BIP141).");
    out.entry("sigops", limits.sigop_cost, "Most signature operations of a block, in BIP141's cost.");
    let tx_count = limits.block_txs.map_or_else(|| quoted(NONE), |count| count.to_string());
    out.entry(
        "tx_count",
        tx_count,
        "Most transactions of a block beyond what its weight allows, or \"none\".",
    );
    out.entry("max_money", limits.max_money.to_sat(), "The highest amount there can be.");
    out.entry(
        "max_future_seconds",
        limits.max_future_seconds,
        "How far a block's time may lie ahead of the clock.",
    );
}

fn deployments(out: &mut Writer, spec: &ChainSpec) {
    let forks = &spec.deployments;
    let comment = "From which block each rule holds: a height, \"always\" or \"never\", or { bit, start, timeout, threshold,\n\
                   # window, min_activation_height } for what blocks signal for (BIP9; with start_height, timeout_height and\n\
                   # lockinontimeout for BIP8).";
    out.section("deployments", comment);
    out.entry("bip16", activation(forks.bip16), "Pay to script hash.");
    out.entry("bip30", activation(forks.bip30), "No coin may be overwritten.");
    out.entry("bip34", activation(forks.bip34), "The coinbase begins with the height.");
    out.entry("bip65", activation(forks.bip65), "OP_CHECKLOCKTIMEVERIFY.");
    out.entry("bip66", activation(forks.bip66), "Strict DER signatures.");
    out.entry("csv", activation(forks.csv), "Relative lock times (BIP68, 112, 113).");
    out.entry("segwit", activation(forks.segwit), "Witness commitments (BIP141, 143, 147).");
    out.entry("taproot", activation(forks.taproot), "Taproot (BIP341, 342).");
    out.entry(
        "bip94",
        activation(forks.bip94),
        "The time-warp rule at the first block of a retarget period.",
    );
    out.entry(
        "bip30_exceptions",
        list(&forks.bip30_exceptions, block_at),
        "Blocks that may overwrite a coin: { height, hash }.",
    );
    let comment = "The block at BIP34's height above which BIP30 need not be checked, or \"none\".";
    out.entry("bip34_hash", optional_hash(forks.bip34_hash), comment);
    let comment = "Blocks mined before a script rule held: { block, p2sh, witness, taproot }, true for what holds in it.";
    out.entry("script_exceptions", list(&forks.script_exceptions, script_exception), comment);
    let challenge =
        forks.signet_challenge.as_ref().map_or_else(|| quoted(NONE), |script| hexed(script.as_bytes()));
    out.entry(
        "signet_challenge",
        challenge,
        "The script that block signatures must satisfy (BIP325), or \"none\".",
    );
}

fn assume(out: &mut Writer, spec: &ChainSpec) {
    let assume = &spec.assume;
    out.section("assume", "What is taken as known about this very chain.");
    out.entry(
        "min_chain_work",
        quoted(&assume.min_chain_work.to_string()),
        "Work the best chain is known to have, 64 digits.",
    );
    out.entry(
        "assumed_valid",
        optional_hash(assume.assumed_valid),
        "A block whose chain is known to be valid, or \"none\".",
    );
    out.entry(
        "checkpoints",
        list(&assume.checkpoints, block_at),
        "The only blocks accepted at their heights: { height, hash }.",
    );
    out.entry(
        "snapshots",
        list(&assume.snapshots, assumed_coins),
        "Coin sets a chain may begin with: { height, hash, coins_hash }, the last Core's hash_serialized_3.",
    );
}

/// A TOML string, escaped.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn hexed(bytes: &[u8]) -> String {
    quoted(&hex::encode(bytes))
}

fn optional_hash(hash: Option<BlockHash>) -> String {
    quoted(&hash.map_or_else(|| NONE.to_owned(), |hash| hash.to_string()))
}

fn activation(activation: Activation) -> String {
    match activation {
        Activation::Always => quoted(ALWAYS),
        Activation::Never => quoted(NEVER),
        Activation::Height(height) => height.to_u32().to_string(),
        Activation::Signalled(signalling) => signalled(signalling),
    }
}

fn signalled(signalling: Signalling) -> String {
    let Signalling { bit, schedule, threshold, window, min_activation_height } = signalling;
    let schedule = match schedule {
        Schedule::Times { start, timeout } => {
            format!("start = {}, timeout = {}", start.to_u32(), timeout.to_u32())
        }
        Schedule::Heights { start, timeout, lock_in_on_timeout } => format!(
            "start_height = {start}, timeout_height = {timeout}, lockinontimeout = {lock_in_on_timeout}"
        ),
    };
    format!(
        "{{ bit = {bit}, {schedule}, threshold = {threshold}, window = {window}, \
         min_activation_height = {min_activation_height} }}"
    )
}

fn block_at((height, hash): &(Height, BlockHash)) -> String {
    format!("{{ height = {height}, hash = \"{hash}\" }}")
}

fn assumed_coins(known: &AssumedCoins) -> String {
    let AssumedCoins { height, hash, coins_hash } = known;
    format!("{{ height = {height}, hash = \"{hash}\", coins_hash = \"{coins_hash}\" }}")
}

fn script_exception(exception: &ScriptException) -> String {
    let ScriptException { block, p2sh, witness, taproot } = exception;
    format!("{{ block = \"{block}\", p2sh = {p2sh}, witness = {witness}, taproot = {taproot} }}")
}

/// `[]`, or one item a line.
fn list<T>(items: &[T], item: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "[]".to_owned();
    }
    let lines: String = items.iter().map(|one| format!("    {},\n", item(one))).collect();
    format!("[\n{lines}]")
}
