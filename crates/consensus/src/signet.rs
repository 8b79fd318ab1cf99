//! Block signatures of a signet (BIP325): a block as a coin to spend, and its signature as the spend.

use cairn_params::ChainSpec;
use cairn_primitives::{
    Amount, Block, BlockHash, Decode, DecodeError, Instruction, LockTime, OutPoint, Reader, Script,
    ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Witness, merkle, op,
};
use cairn_script::{ScriptFlags, SighashCache, verify};

use crate::context::find_commitment_output;
use crate::error::{BlockError, SignetError};

/// First bytes of the push that carries the solution (BIP325).
pub const SIGNET_HEADER: [u8; 4] = [0xec, 0xc7, 0xda, 0xa2];

/// The script rules a solution is checked under, at any height (Core's `BLOCK_SCRIPT_VERIFY_FLAGS`).
const FLAGS: ScriptFlags =
    ScriptFlags::P2SH.union(ScriptFlags::WITNESS).union(ScriptFlags::DERSIG).union(ScriptFlags::NULLDUMMY);

/// The two transactions, part of no block, that stand for a block and its signature (BIP325).
///
/// The first pays nothing to the challenge and names the block; the second spends that output with the
/// block's solution. To sign a block: end the script of its commitment output with a push of
/// [`SIGNET_HEADER`], sign the input of [`to_sign`](Self::to_sign), and let that push carry the header, the
/// input script and the witness as they are encoded. Only then is the proof of work to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignetTxs {
    to_spend: Transaction,
    to_sign: Transaction,
}

impl SignetTxs {
    /// The two transactions of `block` on a chain with this challenge. A block without a solution has an
    /// empty one, which satisfies a challenge such as `OP_TRUE`.
    ///
    /// # Errors
    /// [`SignetError::CommitmentMissing`], [`SignetError::Malformed`].
    pub fn new(block: &Block, challenge: &Script) -> Result<Self, SignetError> {
        let coinbase = block.transactions.first().ok_or(SignetError::CommitmentMissing)?;
        let index = find_commitment_output(coinbase).ok_or(SignetError::CommitmentMissing)?;
        let (script_sig, witness, merkle_root) = match cut_solution(&coinbase.outputs()[index].script_pubkey)
        {
            Some((unsigned, solution)) => {
                let (script_sig, witness) = read_solution(&solution)?;
                let (version, inputs, mut outputs, lock_time) = coinbase.clone().into_parts();
                outputs[index].script_pubkey = unsigned;
                let coinbase = Transaction::new(version, inputs, outputs, lock_time);
                (script_sig, witness, merkle_root_with(&coinbase, block))
            }
            None => (Script::new(), Witness::default(), merkle_root_with(coinbase, block)),
        };
        let named = ScriptBuilder::new().push_opcode(op::OP_0).push_bytes(&signed_bytes(block, merkle_root));
        let to_spend = bare(OutPoint::NULL, named.into_script(), Witness::default(), challenge.clone());
        let coin = OutPoint { txid: to_spend.txid(), vout: 0 };
        let nowhere = Script::from_bytes(vec![op::OP_RETURN]);
        Ok(Self { to_sign: bare(coin, script_sig, witness, nowhere), to_spend })
    }

    /// The transaction whose only output is the challenge.
    pub fn to_spend(&self) -> &Transaction {
        &self.to_spend
    }

    /// The transaction whose only input spends it with the solution.
    pub fn to_sign(&self) -> &Transaction {
        &self.to_sign
    }

    fn verify(&self) -> Result<(), SignetError> {
        let cache = SighashCache::new(&self.to_sign, self.to_spend.outputs().iter().collect());
        verify(&cache, 0, FLAGS).map_err(|error| SignetError::Script { error })
    }
}

/// # Consensus
/// On a signet every block after genesis carries a solution to the chain's challenge, in the output that
/// commits to the witnesses. Source: BIP325, Core's `CheckSignetBlockSolution`.
///
/// The solution covers the transactions but not the merkle root in the header, so a damaged copy of a good
/// block fails here too. It is therefore looked at once the transactions are known to be those of the
/// header, as Core does with what peers send (`IsBlockMutated` before `CheckBlock`).
pub(crate) fn check_solution(block: &Block, hash: BlockHash, spec: &ChainSpec) -> Result<(), BlockError> {
    let Some(challenge) = &spec.deployments.signet_challenge else { return Ok(()) };
    if hash == spec.genesis_hash() {
        return Ok(());
    }
    let solved = SignetTxs::new(block, challenge).and_then(|txs| txs.verify());
    solved.map_err(|error| BlockError::Signet { error })
}

/// What the solution signs: version, parent, the merkle root without the solution, and time. Bits and nonce
/// are left out, for they are found after the signature.
fn signed_bytes(block: &Block, merkle_root: [u8; 32]) -> Vec<u8> {
    let header = &block.header;
    let mut bytes = header.version.to_le_bytes().to_vec();
    bytes.extend(header.prev.to_bytes());
    bytes.extend(merkle_root);
    bytes.extend(header.time.to_u32().to_le_bytes());
    bytes
}

/// The merkle root of the block with another coinbase.
fn merkle_root_with(coinbase: &Transaction, block: &Block) -> [u8; 32] {
    let others = block.transactions.iter().skip(1);
    let mut leaves = vec![coinbase.txid().to_bytes()];
    leaves.extend(others.map(|tx| tx.txid().to_bytes()));
    merkle::root(&leaves).root
}

/// The solution in a commitment script and the script without it: what follows the header in the first push
/// that begins with it and is longer. `None` where there is no such push.
///
/// The script is written anew up to where it stops being instructions, each push in the shortest length form
/// and an empty one as its bare opcode, which is what Core's `FetchAndClearCommitmentSection` does and so
/// what is signed.
fn cut_solution(script: &Script) -> Option<(Script, Vec<u8>)> {
    let mut solution = None;
    let mut unsigned = ScriptBuilder::new();
    for instruction in script.instructions().map_while(Result::ok) {
        unsigned = match instruction {
            Instruction::Op(opcode) | Instruction::Push { opcode, data: [] } => unsigned.push_opcode(opcode),
            Instruction::Push { data, .. } => match data.strip_prefix(&SIGNET_HEADER) {
                Some(rest) if solution.is_none() && !rest.is_empty() => {
                    solution = Some(rest.to_vec());
                    unsigned.push_bytes(&SIGNET_HEADER)
                }
                _ => unsigned.push_bytes(data),
            },
        };
    }
    solution.map(|solution| (unsigned.into_script(), solution))
}

/// An input script and a witness, and nothing after them.
fn read_solution(bytes: &[u8]) -> Result<(Script, Witness), SignetError> {
    let mut reader = Reader::new(bytes);
    let mut read = || -> Result<_, DecodeError> {
        let parts = (Script::decode(&mut reader)?, Witness::decode(&mut reader)?);
        reader.finish()?;
        Ok(parts)
    };
    read().map_err(|error| SignetError::Malformed { error })
}

/// A transaction of version 0 with one input of sequence 0 and one output of no value.
fn bare(previous: OutPoint, script_sig: Script, witness: Witness, script_pubkey: Script) -> Transaction {
    let input = TxIn { previous, script_sig, sequence: Sequence::new(0), witness };
    let output = TxOut { value: Amount::ZERO, script_pubkey };
    Transaction::new(0, vec![input], vec![output], LockTime::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(script: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let cut = cut_solution(&Script::from_bytes(script.to_vec()));
        cut.map(|(unsigned, solution)| (unsigned.as_bytes().to_vec(), solution))
    }

    /// By hand after Core's `FetchAndClearCommitmentSection`.
    #[test]
    fn the_script_is_written_anew_as_core_writes_it() {
        const H: [u8; 4] = SIGNET_HEADER;
        let script = |parts: &[&[u8]]| parts.concat();
        // The header alone is no solution, nor is another header, and nothing is rewritten then.
        assert_eq!(cut(&script(&[&[4], &H])), None);
        assert_eq!(cut(&[5, 0xec, 0xc7, 0xda, 0xa3, 1]), None);
        assert_eq!(cut(&script(&[&[6, 0], &H, &[1]])), None, "not at the front of its push");
        assert_eq!(cut(&script(&[&[5], &H, &[9]])), Some((script(&[&[4], &H]), vec![9])));
        // Length forms become the shortest, small numbers stay pushes, the length of an empty push is lost.
        let tail: &[u8] = &[0x4d, 1, 0, 5, 0x6a, 0x4c, 0, 0x51, 0];
        assert_eq!(
            cut(&script(&[&[0x4e, 5, 0, 0, 0], &H, &[9], tail])),
            Some((script(&[&[4], &H, &[1, 5, 0x6a, 0x4c, 0x51, 0]]), vec![9]))
        );
        // Only the first counts, and all ends where the script stops being instructions.
        assert_eq!(
            cut(&script(&[&[5], &H, &[9, 5], &H, &[8, 0x4c, 3, 1]])),
            Some((script(&[&[4], &H, &[5], &H, &[8]]), vec![9]))
        );
        assert_eq!(cut(&script(&[&[3, 1], &[5], &H, &[9]])).map(|(_, solution)| solution), None);
        assert_eq!(cut(&script(&[&[5], &H])), None, "cut off before the solution");
    }
}
