//! Whether an input may spend its output.

use std::cell::RefCell;

use cairn_primitives::{Script, Witness};

use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::interpreter::{self, Env, Rules};
use crate::sighash::SighashCache;
use crate::stack::{Element, Stack};
use crate::trace::{Program, Trace};
use crate::witness::{self, Nesting};

/// Whether input `input` of the cache's transaction may spend its output under the rules in `flags`.
///
/// Pure: the answer depends on the arguments alone. Takes at most 1,000 stack items of 40 bytes each and time linear in
/// the scripts and the data their signature checks hash. Source: Core's `VerifyScript`.
///
/// # Errors
/// The first rule that is broken, as Core reports it.
pub fn verify(cache: &SighashCache<'_>, input: usize, flags: ScriptFlags) -> Result<(), ScriptError> {
    check(&Env { cache, input, flags: flags.with_implied(), trace: None })
}

/// What [`verify`] answers, and a record of what ran.
pub fn verify_traced(
    cache: &SighashCache<'_>,
    input: usize,
    flags: ScriptFlags,
) -> (Result<(), ScriptError>, Trace) {
    let mut env = Env { cache, input, flags: flags.with_implied(), trace: Some(RefCell::default()) };
    let result = check(&env);
    (result, env.trace.take().unwrap_or_default().into_inner())
}

fn check(env: &Env<'_>) -> Result<(), ScriptError> {
    let Env { cache, input, .. } = *env;
    let tx = cache.transaction();
    let limit = tx.inputs().len();
    let Some(spending) = tx.inputs().get(input) else {
        return Err(ScriptError::InputIndex { got: input, limit });
    };
    if cache.spent().len() != limit {
        return Err(ScriptError::SpentOutputs { got: cache.spent().len(), expected: limit });
    }
    let spend = Spend {
        script_sig: &spending.script_sig,
        witness: &spending.witness,
        script_pubkey: &cache.spent()[input].script_pubkey,
    };
    spend.verify(env)
}

/// The three parts that decide.
struct Spend<'t> {
    script_sig: &'t Script,
    witness: &'t Witness,
    script_pubkey: &'t Script,
}

impl<'t> Spend<'t> {
    fn verify(&self, env: &Env<'_>) -> Result<(), ScriptError> {
        let flag = |flag| env.flags.contains(flag);
        if flag(ScriptFlags::SIGPUSHONLY) && !self.script_sig.is_push_only() {
            return Err(ScriptError::SigPushOnly);
        }
        let mut stack = Stack::default();
        interpreter::run(env, Program::Input, Rules::Legacy, self.script_sig.as_bytes(), &mut stack)?;
        let p2sh = flag(ScriptFlags::P2SH) && self.script_pubkey.is_p2sh();
        let pushed = p2sh.then(|| stack.clone());
        interpreter::run(env, Program::Output, Rules::Legacy, self.script_pubkey.as_bytes(), &mut stack)?;
        must_be_true(&stack)?;

        if flag(ScriptFlags::WITNESS)
            && let Some(program) = self.script_pubkey.witness_program()
        {
            return self.run_bare_program(env, program);
        }
        if let Some(pushed) = pushed {
            match self.run_redeem_script(env, pushed)? {
                Redeemed::ByWitness => return Ok(()),
                Redeemed::ByScript(left) => stack = left,
            }
        }
        if flag(ScriptFlags::CLEANSTACK) && stack.len() != 1 {
            return Err(ScriptError::CleanStack { got: stack.len() });
        }
        if flag(ScriptFlags::WITNESS) && !self.witness.is_empty() {
            return Err(ScriptError::WitnessUnexpected);
        }
        Ok(())
    }

    /// # Consensus
    /// A witness program is satisfied by the witness alone; the input's script is empty, or else a third party could
    /// change the transaction's id. Source: BIP141.
    fn run_bare_program(&self, env: &Env<'_>, program: (u8, &[u8])) -> Result<(), ScriptError> {
        if !self.script_sig.is_empty() {
            return Err(ScriptError::WitnessMalleated);
        }
        witness::verify_program(env, program, self.witness, Nesting::Bare)
    }

    /// # Consensus
    /// The last push of an input that spends a P2SH output is a script; it runs on what was pushed before it, and the
    /// input's script does nothing but push. Source: BIP16.
    fn run_redeem_script(&self, env: &Env<'_>, mut stack: Stack<'t>) -> Result<Redeemed<'t>, ScriptError> {
        if !self.script_sig.is_push_only() {
            return Err(ScriptError::SigPushOnly);
        }
        // What a script pushes is a piece of it, never something computed.
        let Element::Slice(redeem_script) = stack.pop()? else { return Err(ScriptError::SigPushOnly) };
        interpreter::run(env, Program::Redeem, Rules::Legacy, redeem_script, &mut stack)?;
        must_be_true(&stack)?;
        let script = Script::from_bytes(redeem_script.to_vec());
        match script.witness_program() {
            Some(program) if env.flags.contains(ScriptFlags::WITNESS) => {
                self.run_nested_program(env, &script, program)?;
                Ok(Redeemed::ByWitness)
            }
            _ => Ok(Redeemed::ByScript(stack)),
        }
    }

    /// # Consensus
    /// A witness program may stand behind P2SH; then the input's script is exactly one plain push of it.
    /// Source: BIP141.
    fn run_nested_program(
        &self,
        env: &Env<'_>,
        redeem_script: &Script,
        program: (u8, &[u8]),
    ) -> Result<(), ScriptError> {
        let only_push = match self.script_sig.as_bytes() {
            // A program is at most 42 bytes, so its length is the push opcode.
            [len, push @ ..] => usize::from(*len) == push.len() && push == redeem_script.as_bytes(),
            [] => false,
        };
        if !only_push {
            return Err(ScriptError::WitnessMalleatedP2sh);
        }
        witness::verify_program(env, program, self.witness, Nesting::P2sh)
    }
}

/// How a P2SH output was satisfied.
enum Redeemed<'t> {
    /// Its script was a witness program.
    ByWitness,
    /// Its script ran and left this.
    ByScript(Stack<'t>),
}

fn must_be_true(stack: &Stack<'_>) -> Result<(), ScriptError> {
    match stack.peek(0) {
        Ok(top) if top.is_true() => Ok(()),
        _ => Err(ScriptError::EvalFalse),
    }
}
