//! An unsigned transaction with all that its signer must know.

use cairn_primitives::{Amount, Transaction, TxOut};

use crate::select::Method;
use crate::wallet::KeyOrigin;

/// What a signer must know of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInput {
    /// The coin it spends.
    pub coin: TxOut,
    /// Where the coin's key stands.
    pub origin: KeyOrigin,
    /// The transaction that made the coin. Its id proves the coin's amount, which P2PKH signatures do not commit to.
    pub previous: Option<Transaction>,
}

/// An unsigned transaction with all that its signer must know. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// The transaction: no input has a script or a witness.
    pub tx: Transaction,
    /// One for each input, in their order.
    pub inputs: Vec<RequestInput>,
    /// For each output, where its key stands if it pays to the wallet.
    pub outputs: Vec<Option<KeyOrigin>>,
    /// How the coins were chosen; `None` in a request that came from outside.
    pub method: Option<Method>,
    vsize: Option<u64>,
    change: Option<Amount>,
}

impl SigningRequest {
    /// A request from outside, to be looked at before it is signed.
    pub fn new(tx: Transaction, inputs: Vec<RequestInput>, outputs: Vec<Option<KeyOrigin>>) -> Self {
        Self { tx, inputs, outputs, method: None, vsize: None, change: None }
    }

    pub(crate) fn from_wallet(
        tx: Transaction,
        inputs: Vec<RequestInput>,
        outputs: Vec<Option<KeyOrigin>>,
        vsize: u64,
        change: Option<Amount>,
        method: Method,
    ) -> Self {
        Self { tx, inputs, outputs, method: Some(method), vsize: Some(vsize), change }
    }

    /// What the inputs hold beyond the outputs; `None` where they hold less, or a sum is above 2⁶⁴ − 1.
    pub fn fee(&self) -> Option<Amount> {
        let spent = Amount::checked_sum(self.inputs.iter().map(|input| input.coin.value))?;
        let paid = Amount::checked_sum(self.tx.outputs().iter().map(|output| output.value))?;
        spent.checked_sub(paid)
    }

    /// Virtual bytes of the signed transaction, at most; `None` in a request that came from outside.
    pub fn vsize(&self) -> Option<u64> {
        self.vsize
    }

    /// What comes back to the wallet as change, or, where everything that is left is sent, what is sent there.
    pub fn change(&self) -> Option<Amount> {
        self.change
    }
}
