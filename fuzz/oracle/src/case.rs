//! One input of one transaction, what it spends, and the rules.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bitcoinconsensus::Utxo;
use cairn_primitives::{
    Amount, Decode, Encode, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Witness, hex,
};
use cairn_script::{ScriptError, ScriptFlags, SighashCache, verify};

/// The rules Core's library can be asked for: all those that are consensus.
pub const SUPPORTED: [ScriptFlags; 7] = [
    ScriptFlags::P2SH,
    ScriptFlags::DERSIG,
    ScriptFlags::NULLDUMMY,
    ScriptFlags::CHECKLOCKTIMEVERIFY,
    ScriptFlags::CHECKSEQUENCEVERIFY,
    ScriptFlags::WITNESS,
    ScriptFlags::TAPROOT,
];

/// An input with the output it spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The output's name.
    pub previous: OutPoint,
    /// Its script.
    pub script_sig: Vec<u8>,
    /// Its sequence number.
    pub sequence: u32,
    /// Its witness, from the bottom of the stack.
    pub witness: Vec<Vec<u8>>,
    /// The output's amount in units.
    pub amount: u64,
    /// The output's script.
    pub script_pubkey: Vec<u8>,
}

/// A transaction that can still be changed, with the outputs it spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The version.
    pub version: i32,
    /// The lock time.
    pub lock_time: u32,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// Amount and script of each output.
    pub outputs: Vec<(u64, Vec<u8>)>,
}

impl Draft {
    /// The transaction.
    pub fn transaction(&self) -> Transaction {
        let inputs = self.inputs.iter().map(|input| TxIn {
            previous: input.previous,
            script_sig: Script::from_bytes(input.script_sig.clone()),
            sequence: Sequence::new(input.sequence),
            witness: Witness::new(input.witness.clone()),
        });
        let outputs = self.outputs.iter().map(|(amount, script)| output(*amount, script));
        Transaction::new(self.version, inputs.collect(), outputs.collect(), LockTime::new(self.lock_time))
    }

    /// The outputs it spends.
    pub fn spent(&self) -> Vec<TxOut> {
        self.inputs.iter().map(|input| output(input.amount, &input.script_pubkey)).collect()
    }
}

fn output(amount: u64, script: &[u8]) -> TxOut {
    TxOut { value: Amount::from_sat(amount), script_pubkey: Script::from_bytes(script.to_vec()) }
}

/// What is compared: may input `input` spend its output under `flags`?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The transaction.
    pub draft: Draft,
    /// The input asked about.
    pub input: usize,
    /// The rules, a subset of [`SUPPORTED`].
    pub flags: ScriptFlags,
}

/// Two answers to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Cairn's answer; `None` where it panicked.
    pub ours: Option<Result<(), ScriptError>>,
    /// The answer of Core's library.
    pub theirs: Result<(), bitcoinconsensus::Error>,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cairn says {:?}, bitcoinconsensus says {:?}", self.ours, self.theirs)
    }
}

impl Case {
    /// The rules with `P2SH` wherever `WITNESS` stands, without which Core's interpreter aborts.
    #[must_use]
    pub fn with_flags(mut self, mut flags: ScriptFlags) -> Self {
        if flags.contains(ScriptFlags::WITNESS) {
            flags |= ScriptFlags::P2SH;
        }
        self.flags = flags;
        self
    }

    /// Asks both. Returns Cairn's answer where both accept or both refuse.
    ///
    /// # Errors
    /// Where one accepts what the other refuses, where Core's library calls the question itself wrong, and where
    /// Cairn panics.
    pub fn compare(&self) -> Result<Result<(), ScriptError>, Disagreement> {
        let theirs = self.theirs();
        let ours = catch_unwind(AssertUnwindSafe(|| self.ours())).ok();
        let agreed = match (&ours, &theirs) {
            (Some(Ok(())), Ok(())) => true,
            (Some(Err(_)), Err(error)) => *error == bitcoinconsensus::Error::ERR_SCRIPT,
            _ => false,
        };
        match ours {
            Some(ours) if agreed => Ok(ours),
            ours => Err(Disagreement { ours, theirs }),
        }
    }

    fn ours(&self) -> Result<(), ScriptError> {
        let (tx, spent) = (self.draft.transaction(), self.draft.spent());
        verify(&SighashCache::new(&tx, spent.iter().collect()), self.input, self.flags)
    }

    fn theirs(&self) -> Result<(), bitcoinconsensus::Error> {
        let bytes = self.draft.transaction().to_bytes();
        let utxo = |input: &Input| Utxo {
            script_pubkey: input.script_pubkey.as_ptr(),
            script_pubkey_len: u32::try_from(input.script_pubkey.len()).expect("scripts here are short"),
            value: input.amount.cast_signed(),
        };
        let spent: Vec<_> = self.draft.inputs.iter().map(utxo).collect();
        let asked = &self.draft.inputs[self.input];
        bitcoinconsensus::verify_with_flags(
            &asked.script_pubkey,
            asked.amount,
            &bytes,
            Some(&spent),
            self.input,
            self.flags.bits(),
        )
    }

    /// The case as one line: input, flag bits, transaction, and `amount:script` of each output spent; bytes in hex.
    pub fn to_text(&self) -> String {
        let spent = self.draft.inputs.iter();
        let spent: Vec<_> =
            spent.map(|input| format!("{}:{}", input.amount, hex::encode(&input.script_pubkey))).collect();
        let tx = hex::encode(&self.draft.transaction().to_bytes());
        format!("{} {} {tx} {}", self.input, self.flags.bits(), spent.join(","))
    }

    /// Reads what [`to_text`](Self::to_text) prints.
    ///
    /// # Errors
    /// [`CaseTextError`], naming the field, for anything else.
    pub fn from_text(text: &str) -> Result<Self, CaseTextError> {
        let mut fields = text.split_whitespace();
        let mut field = |name| fields.next().ok_or(CaseTextError { field: name });
        let number = |name, text: &str| text.parse::<usize>().map_err(|_| CaseTextError { field: name });
        let input = number("input", field("input")?)?;
        let bits = number("flags", field("flags")?)?;
        let tx =
            hex::decode(field("transaction")?).ok().and_then(|bytes| Transaction::from_bytes(&bytes).ok());
        let tx = tx.ok_or(CaseTextError { field: "transaction" })?;
        let spent: Option<Vec<_>> = field("spent outputs")?.split(',').map(parse_spent).collect();
        let spent = spent.filter(|spent| spent.len() == tx.inputs().len() && input < spent.len());
        let spent = spent.ok_or(CaseTextError { field: "spent outputs" })?;
        let flags = SUPPORTED.into_iter().filter(|flag| bits & flag.bits() as usize != 0);
        let flags = flags.fold(ScriptFlags::NONE, ScriptFlags::union);
        Ok(Self { draft: draft(&tx, spent), input, flags: ScriptFlags::NONE }.with_flags(flags))
    }
}

fn parse_spent(text: &str) -> Option<(u64, Vec<u8>)> {
    let (amount, script) = text.split_once(':')?;
    Some((amount.parse().ok()?, hex::decode(script).ok()?))
}

fn draft(tx: &Transaction, spent: Vec<(u64, Vec<u8>)>) -> Draft {
    let inputs = tx.inputs().iter().zip(spent).map(|(input, (amount, script_pubkey))| Input {
        previous: input.previous,
        script_sig: input.script_sig.as_bytes().to_vec(),
        sequence: input.sequence.to_u32(),
        witness: input.witness.iter().map(<[u8]>::to_vec).collect(),
        amount,
        script_pubkey,
    });
    let outputs = tx.outputs().iter();
    Draft {
        version: tx.version(),
        lock_time: tx.lock_time().to_u32(),
        inputs: inputs.collect(),
        outputs: outputs.map(|o| (o.value.to_sat(), o.script_pubkey.as_bytes().to_vec())).collect(),
    }
}

/// A text that is no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseTextError {
    /// What is missing or wrong.
    pub field: &'static str,
}

impl fmt::Display for CaseTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of the case is missing or wrong", self.field)
    }
}

impl std::error::Error for CaseTextError {}
