//! From a document to a spec, section by section.

use std::borrow::Cow;

use cairn_primitives::{AddressPrefixes, BlockHash, BlockTime};

use super::document::Document;
use super::value::{self, Parsed, Value};
use crate::error::{SpecError, SpecRule};
use crate::presets;
use crate::spec::{
    Assume, ChainInfo, ChainSpec, Deployments, GenesisSpec, Limits, NetworkSpec, PowSpec, Retarget,
};
use crate::subsidy::Subsidy;

const RETARGET_KINDS: &[&str] = &["epoch", "asert", "none"];
const SUBSIDY_KINDS: &[&str] = &["halving", "constant"];

/// Whether the first block must be stated with its nonce and hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Genesis {
    /// It must.
    Mined,
    /// It need not: they are still to be found.
    Unmined,
}

/// A document and the preset it extends.
pub(super) struct Reading<'d, 't> {
    document: &'d Document<'t>,
    base: Option<ChainSpec>,
}

type Read<T> = Result<T, SpecError>;

impl<'d, 't> Reading<'d, 't> {
    /// Looks up the preset that is extended, if one is.
    pub(super) fn new(document: &'d Document<'t>) -> Read<Self> {
        let mut reading = Self { document, base: None };
        let preset = |value: &Value<'_>| {
            let name = value::string(value)?;
            let unknown = || value::fault(value, SpecRule::NotOneOf { expected: presets::NAMES });
            ChainSpec::preset(name).ok_or_else(unknown)
        };
        reading.base = reading.stated("extends", preset)?;
        Ok(reading)
    }

    /// The spec, not yet checked.
    pub(super) fn spec(&self, genesis: Genesis) -> Read<ChainSpec> {
        let genesis = self.genesis(genesis)?;
        let own_chain = self.base.as_ref().is_none_or(|base| base.genesis != genesis);
        Ok(ChainSpec {
            chain: self.chain()?,
            network: self.network(own_chain)?,
            address: self.address()?,
            pow: self.pow()?,
            subsidy: self.subsidy()?,
            limits: self.limits()?,
            deployments: self.deployments(own_chain)?,
            assume: self.assume(own_chain)?,
            genesis,
        })
    }

    fn chain(&self) -> Read<ChainInfo> {
        let base = self.base.as_ref().map(|base| &base.chain);
        Ok(ChainInfo {
            name: self.field("chain.name", base.map(|b| b.name.clone()), value::owned)?,
            ticker: self.field("chain.ticker", base.map(|b| b.ticker.clone()), value::owned)?,
            decimals: self.field("chain.decimals", base.map(|b| b.decimals), value::u8)?,
        })
    }

    fn network(&self, own_chain: bool) -> Read<NetworkSpec> {
        let base = self.base.as_ref().map(|base| &base.network);
        let peers = base.filter(|_| !own_chain);
        let dns_seeds = peers.map_or_else(Vec::new, |b| b.dns_seeds.clone());
        let fixed_seeds = peers.map_or_else(Vec::new, |b| b.fixed_seeds.clone());
        Ok(NetworkSpec {
            magic: self.field("network.magic", base.map(|b| b.magic), value::bytes)?,
            p2p_port: self.field("network.p2p_port", base.map(|b| b.p2p_port), value::u16)?,
            http_port: self.field("network.http_port", base.map(|b| b.http_port), value::u16)?,
            dns_seeds: self.field("network.dns_seeds", Some(dns_seeds), value::strings)?,
            fixed_seeds: self.field("network.fixed_seeds", Some(fixed_seeds), value::strings)?,
        })
    }

    fn address(&self) -> Read<AddressPrefixes> {
        let base = self.base.as_ref().map(|base| &base.address);
        Ok(AddressPrefixes {
            p2pkh: self.field("address.p2pkh", base.map(|b| b.p2pkh), value::u8)?,
            p2sh: self.field("address.p2sh", base.map(|b| b.p2sh), value::u8)?,
            wif: self.field("address.wif", base.map(|b| b.wif), value::u8)?,
            hrp: self.field("address.hrp", base.map(|b| b.hrp), value::text)?,
            xpub: self.field("address.xpub", base.map(|b| b.xpub), value::bytes)?,
            xprv: self.field("address.xprv", base.map(|b| b.xprv), value::bytes)?,
            coin_type: self.field("address.coin_type", base.map(|b| b.coin_type), value::u32)?,
        })
    }

    fn genesis(&self, mined: Genesis) -> Read<GenesisSpec> {
        let base = self.base.as_ref().map(|base| &base.genesis);
        let unmined = mined == Genesis::Unmined;
        let nonce = base.map(|b| b.nonce).or(unmined.then_some(0));
        let hash = base.map(|b| b.hash).or(unmined.then_some(BlockHash::ZERO));
        let time = |value: &Value<'_>| value::u32(value).map(BlockTime::new);
        let script = base.map(|b| b.output_script.clone());
        Ok(GenesisSpec {
            version: self.field("genesis.version", base.map(|b| b.version), value::i32)?,
            time: self.field("genesis.time", base.map(|b| b.time), time)?,
            bits: self.field("genesis.bits", base.map(|b| b.bits), value::text)?,
            nonce: self.field("genesis.nonce", nonce, value::u32)?,
            message: self.field("genesis.message", base.map(|b| b.message.clone()), value::owned)?,
            output_script: self.field("genesis.output_script", script, value::script)?,
            reward: self.field("genesis.reward", base.map(|b| b.reward), value::amount)?,
            hash: self.field("genesis.hash", hash, value::text)?,
        })
    }

    fn pow(&self) -> Read<PowSpec> {
        let base = self.base.as_ref().map(|base| &base.pow);
        let min_difficulty = base.map(|b| b.min_difficulty);
        Ok(PowSpec {
            limit: self.field("pow.limit", base.map(|b| b.limit), value::target)?,
            spacing: self.field("pow.spacing", base.map(|b| b.spacing), value::u32)?,
            retarget: self.retarget(base.map(|b| b.retarget))?,
            min_difficulty: self.field("pow.min_difficulty", min_difficulty, value::min_difficulty)?,
        })
    }

    fn retarget(&self, base: Option<Retarget>) -> Read<Retarget> {
        let default = base.map(|base| match base {
            Retarget::Epoch { .. } => 0,
            Retarget::Asert { .. } => 1,
            Retarget::None => 2,
        });
        let kind = self.kind("pow.retarget.kind", RETARGET_KINDS, default)?;
        let epoch = match base {
            Some(Retarget::Epoch { window, clamp, from_first }) => Some((window, clamp, from_first)),
            _ => None,
        };
        let half_life = match base {
            Some(Retarget::Asert { half_life }) => Some(half_life),
            _ => None,
        };
        let epoch_fields = ["pow.retarget.window", "pow.retarget.clamp", "pow.retarget.from_first"];
        let foreign: &[&'static str] = match kind {
            0 => &["pow.retarget.half_life"],
            1 => &epoch_fields,
            _ => &[
                "pow.retarget.window",
                "pow.retarget.clamp",
                "pow.retarget.from_first",
                "pow.retarget.half_life",
            ],
        };
        self.refuse_foreign(foreign, RETARGET_KINDS[kind])?;
        let [window, clamp, from_first] = epoch_fields;
        match kind {
            0 => Ok(Retarget::Epoch {
                window: self.field(window, epoch.map(|e| e.0), value::u32)?,
                clamp: self.field(clamp, epoch.map(|e| e.1), value::u32)?,
                from_first: self.field(from_first, Some(epoch.is_some_and(|e| e.2)), value::boolean)?,
            }),
            1 => Ok(Retarget::Asert {
                half_life: self.field("pow.retarget.half_life", half_life, value::u32)?,
            }),
            _ => Ok(Retarget::None),
        }
    }

    fn subsidy(&self) -> Read<Subsidy> {
        let base = self.base.as_ref().map(|base| base.subsidy);
        let (default, halving, constant) = match base {
            Some(Subsidy::Halving { initial, interval }) => (Some(0), Some((initial, interval)), None),
            Some(Subsidy::Constant { amount }) => (Some(1), None, Some(amount)),
            None => (None, None, None),
        };
        let kind = self.kind("subsidy.kind", SUBSIDY_KINDS, default)?;
        if kind == 0 {
            self.refuse_foreign(&["subsidy.amount"], SUBSIDY_KINDS[kind])?;
            Ok(Subsidy::Halving {
                initial: self.field("subsidy.initial", halving.map(|h| h.0), value::amount)?,
                interval: self.field("subsidy.interval", halving.map(|h| h.1), value::u32)?,
            })
        } else {
            self.refuse_foreign(&["subsidy.initial", "subsidy.interval"], SUBSIDY_KINDS[kind])?;
            Ok(Subsidy::Constant { amount: self.field("subsidy.amount", constant, value::amount)? })
        }
    }

    fn limits(&self) -> Read<Limits> {
        let base = self.base.as_ref().map(|base| &base.limits);
        let tx_count = |value: &Value<'_>| value::optional(value, value::u32);
        let block_txs = base.and_then(|b| b.block_txs);
        let future = base.map(|b| b.max_future_seconds);
        Ok(Limits {
            coinbase_maturity: self.field(
                "limits.maturity",
                base.map(|b| b.coinbase_maturity),
                value::u32,
            )?,
            block_weight: self.field("limits.weight", base.map(|b| b.block_weight), value::u64)?,
            sigop_cost: self.field("limits.sigops", base.map(|b| b.sigop_cost), value::u64)?,
            block_txs: self.field("limits.tx_count", Some(block_txs), tx_count)?,
            max_money: self.field("limits.max_money", base.map(|b| b.max_money), value::amount)?,
            max_future_seconds: self.field("limits.max_future_seconds", future, value::u32)?,
        })
    }

    fn deployments(&self, own_chain: bool) -> Read<Deployments> {
        let base = self.base.as_ref().map(|base| &base.deployments);
        let facts = base.filter(|_| !own_chain);
        let overwriting = facts.map_or_else(Vec::new, |b| b.bip30_exceptions.clone());
        let excepted = facts.map_or_else(Vec::new, |b| b.script_exceptions.clone());
        let challenge = base.and_then(|b| b.signet_challenge.clone());
        let bip34_hash = facts.and_then(|b| b.bip34_hash);
        let hash = |value: &Value<'_>| value::optional(value, value::text);
        let script = |value: &Value<'_>| value::optional(value, value::script);
        let blocks = |value: &Value<'_>| value::list(value, value::block_at);
        let exceptions = |value: &Value<'_>| value::list(value, value::script_exception);
        Ok(Deployments {
            bip16: self.field("deployments.bip16", base.map(|b| b.bip16), value::activation)?,
            bip30: self.field("deployments.bip30", base.map(|b| b.bip30), value::activation)?,
            bip34: self.field("deployments.bip34", base.map(|b| b.bip34), value::activation)?,
            bip65: self.field("deployments.bip65", base.map(|b| b.bip65), value::activation)?,
            bip66: self.field("deployments.bip66", base.map(|b| b.bip66), value::activation)?,
            csv: self.field("deployments.csv", base.map(|b| b.csv), value::activation)?,
            segwit: self.field("deployments.segwit", base.map(|b| b.segwit), value::activation)?,
            taproot: self.field("deployments.taproot", base.map(|b| b.taproot), value::activation)?,
            bip94: self.field("deployments.bip94", base.map(|b| b.bip94), value::activation)?,
            bip30_exceptions: self.field("deployments.bip30_exceptions", Some(overwriting), blocks)?,
            bip34_hash: self.field("deployments.bip34_hash", Some(bip34_hash), hash)?,
            script_exceptions: self.field("deployments.script_exceptions", Some(excepted), exceptions)?,
            signet_challenge: self.field("deployments.signet_challenge", Some(challenge), script)?,
        })
    }

    fn assume(&self, own_chain: bool) -> Read<Assume> {
        let base = self.base.as_ref().map(|base| &base.assume).filter(|_| !own_chain);
        let none = Assume::nothing();
        let base = base.unwrap_or(&none);
        let hash = |value: &Value<'_>| value::optional(value, value::text);
        let blocks = |value: &Value<'_>| value::list(value, value::block_at);
        let snapshots = |value: &Value<'_>| value::list(value, value::assumed_coins);
        Ok(Assume {
            min_chain_work: self.field("assume.min_chain_work", Some(base.min_chain_work), value::text)?,
            assumed_valid: self.field("assume.assumed_valid", Some(base.assumed_valid), hash)?,
            checkpoints: self.field("assume.checkpoints", Some(base.checkpoints.clone()), blocks)?,
            snapshots: self.field("assume.snapshots", Some(base.snapshots.clone()), snapshots)?,
        })
    }

    /// The index of a kind by its name.
    fn kind(
        &self,
        field: &'static str,
        names: &'static [&'static str],
        default: Option<usize>,
    ) -> Read<usize> {
        self.field(field, default, |value| value::one_of(value, names, &[0, 1, 2]))
    }

    /// Fields that belong to another kind must not be stated.
    fn refuse_foreign(&self, fields: &[&'static str], kind: &'static str) -> Read<()> {
        match fields.iter().find_map(|field| Some((*field, self.document.get(field)?))) {
            Some((field, value)) => {
                Err(self.document.error_at(field, &value.span(), SpecRule::OtherKind { kind }))
            }
            None => Ok(()),
        }
    }

    /// The field as stated, or else `default`; missing without either.
    fn field<T>(
        &self,
        field: &'static str,
        default: Option<T>,
        read: impl Fn(&Value<'t>) -> Parsed<T>,
    ) -> Read<T> {
        let missing = || self.document.locate(SpecError::new(field, SpecRule::Missing));
        self.stated(field, read)?.or(default).ok_or_else(missing)
    }

    fn stated<T>(&self, field: &'static str, read: impl Fn(&Value<'t>) -> Parsed<T>) -> Read<Option<T>> {
        let Some(value) = self.document.get(field) else { return Ok(None) };
        let located = |fault: value::Fault| {
            let error = self.document.error_at(field, &fault.span, fault.rule);
            match fault.key {
                Some(key) => SpecError { field: Cow::Owned(format!("{field}.{key}")), ..error },
                None => error,
            }
        };
        read(value).map(Some).map_err(located)
    }
}
