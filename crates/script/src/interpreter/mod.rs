//! Runs one script on a stack.

mod arithmetic;
mod conditions;
mod flow;
mod signatures;
mod stack_ops;
mod tapscript;

pub(crate) use tapscript::Tapscript;

use std::cell::RefCell;

use cairn_primitives::op::*;
use cairn_primitives::{Instruction, Instructions, MAX_SCRIPT_SIZE};

use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::sighash::{Memo, SighashCache};
use crate::stack::{Element, MAX_ELEMENT_SIZE, MAX_STACK_SIZE, Stack};
use crate::trace::{Program, Trace};
use conditions::Conditions;

/// Most operations (anything above `OP_16`, executed or not, and each key of a multisig check) in a legacy or
/// version 0 witness script. Source: Core's `MAX_OPS_PER_SCRIPT`.
const MAX_OPS: u32 = 201;

/// What scripts are run against: one input of one transaction, and the rules that hold.
pub(crate) struct Env<'e> {
    pub(crate) cache: &'e SighashCache<'e>,
    pub(crate) input: usize,
    pub(crate) flags: ScriptFlags,
    /// Where to note what runs, if anybody wants to know.
    pub(crate) trace: Option<RefCell<Trace>>,
}

/// The rules a script runs under, by where it stands.
pub(crate) enum Rules {
    /// In an input, an output or behind P2SH.
    Legacy,
    /// Behind a witness program of version 0.
    WitnessV0,
    /// In a leaf of a taproot output.
    Tapscript(Tapscript),
}

/// Runs `script` on `stack`.
///
/// Takes time linear in the script and in what its signature checks hash; holds at most 1,000 items on the stacks.
/// Source: Core's `EvalScript`.
pub(crate) fn run<'s>(
    env: &Env<'_>,
    program: Program,
    rules: Rules,
    script: &'s [u8],
    stack: &mut Stack<'s>,
) -> Result<(), ScriptError> {
    let machine = Machine {
        env,
        program,
        rules,
        script,
        stack,
        alt: Stack::default(),
        conditions: Conditions::default(),
        ops: 0,
        index: 0,
        position: 0,
        code_start: 0,
        memo: Memo::default(),
    };
    machine.run()
}

/// A script in the middle of running.
struct Machine<'m, 's> {
    env: &'m Env<'m>,
    program: Program,
    rules: Rules,
    script: &'s [u8],
    stack: &'m mut Stack<'s>,
    alt: Stack<'s>,
    conditions: Conditions,
    /// Operations counted against [`MAX_OPS`].
    ops: u32,
    /// Number of instructions before the one that runs.
    index: u32,
    /// Offset behind the instruction that runs.
    position: usize,
    /// Where the code that signatures commit to begins: behind the last `OP_CODESEPARATOR` that ran.
    code_start: usize,
    memo: Memo,
}

impl<'s> Machine<'_, 's> {
    fn run(mut self) -> Result<(), ScriptError> {
        let got = self.script.len();
        if got > MAX_SCRIPT_SIZE && !self.is_tapscript() {
            return Err(ScriptError::ScriptSize { got, limit: MAX_SCRIPT_SIZE });
        }
        let mut instructions = Instructions::new(self.script);
        self.record(0);
        while let Some(next) = instructions.next() {
            let instruction = next.map_err(|_| ScriptError::BadOpcode)?;
            self.position = instructions.position();
            self.step(instruction)?;
            self.index += 1;
            self.record(self.position);
        }
        if self.conditions.is_empty() { Ok(()) } else { Err(ScriptError::UnbalancedConditional) }
    }

    fn record(&self, position: usize) {
        if let Some(trace) = &self.env.trace {
            let ends_branch = matches!(self.script.get(position), Some(&(OP_ELSE | OP_ENDIF)));
            let executing = ends_branch || self.conditions.all_true();
            trace.borrow_mut().record(self.program, self.script, position, executing, self.stack);
        }
    }

    fn step(&mut self, instruction: Instruction<'s>) -> Result<(), ScriptError> {
        self.check_static(instruction)?;
        let executing = self.conditions.all_true();
        match instruction {
            Instruction::Push { opcode, data } if executing => {
                if self.flag(ScriptFlags::MINIMALDATA) && !is_minimal_push(opcode, data) {
                    return Err(ScriptError::MinimalData);
                }
                self.stack.push(Element::Slice(data));
            }
            Instruction::Op(opcode) if executing || (OP_IF..=OP_ENDIF).contains(&opcode) => {
                self.execute(opcode, executing)?;
            }
            _ => {}
        }
        let got = self.stack.len() + self.alt.len();
        if got > MAX_STACK_SIZE {
            return Err(ScriptError::StackSize { got, limit: MAX_STACK_SIZE });
        }
        Ok(())
    }

    /// What an instruction may not be, whether it is executed or not.
    fn check_static(&mut self, instruction: Instruction<'_>) -> Result<(), ScriptError> {
        let opcode = match instruction {
            Instruction::Push { data, .. } if data.len() > MAX_ELEMENT_SIZE => {
                return Err(ScriptError::PushSize { got: data.len(), limit: MAX_ELEMENT_SIZE });
            }
            Instruction::Push { .. } => return Ok(()),
            Instruction::Op(opcode) => opcode,
        };
        if opcode > OP_16 {
            self.count_ops(1)?;
        }
        if is_disabled(opcode) {
            return Err(ScriptError::DisabledOpcode);
        }
        let constant_code = self.flag(ScriptFlags::CONST_SCRIPTCODE) && matches!(self.rules, Rules::Legacy);
        if opcode == OP_CODESEPARATOR && constant_code {
            return Err(ScriptError::OpCodeSeparator);
        }
        Ok(())
    }

    fn execute(&mut self, opcode: u8, executing: bool) -> Result<(), ScriptError> {
        match opcode {
            OP_1NEGATE => self.stack.push(Element::Slice(&[0x81])),
            OP_1..=OP_16 => self.stack.push(small_number(opcode)),
            OP_NOP..=OP_RETURN => self.flow(opcode, executing)?,
            OP_TOALTSTACK..=OP_TUCK => self.rearrange(opcode)?,
            OP_SIZE | OP_EQUAL | OP_EQUALVERIFY => self.inspect(opcode)?,
            OP_1ADD..=OP_WITHIN => self.arithmetic(opcode)?,
            OP_RIPEMD160..=OP_HASH256 => self.hash(opcode)?,
            OP_CODESEPARATOR => self.separate_code(),
            OP_CHECKSIG..=OP_CHECKMULTISIGVERIFY => self.signatures(opcode)?,
            OP_NOP1..=OP_NOP10 => self.upgraded(opcode)?,
            OP_CHECKSIGADD => self.check_sig_add()?,
            _ => return Err(ScriptError::BadOpcode),
        }
        Ok(())
    }

    /// Tapscript has no limit but its size.
    fn count_ops(&mut self, count: u32) -> Result<(), ScriptError> {
        if self.is_tapscript() {
            return Ok(());
        }
        self.ops += count;
        if self.ops > MAX_OPS { Err(ScriptError::OpCount { limit: MAX_OPS }) } else { Ok(()) }
    }

    /// From here on signatures commit to this place: by the code behind it, in tapscript by its number.
    fn separate_code(&mut self) {
        self.code_start = self.position;
        if let Rules::Tapscript(tapscript) = &mut self.rules {
            tapscript.position.code_separator = self.index;
        }
    }

    fn is_tapscript(&self) -> bool {
        matches!(self.rules, Rules::Tapscript(_))
    }

    fn flag(&self, flag: ScriptFlags) -> bool {
        self.env.flags.contains(flag)
    }

    /// Fails with `error` unless the top item, which is dropped, is true.
    fn verify_top(&mut self, error: ScriptError) -> Result<(), ScriptError> {
        if self.stack.pop()?.is_true() { Ok(()) } else { Err(error) }
    }
}

/// The number that `OP_1` to `OP_16` push.
fn small_number(opcode: u8) -> Element<'static> {
    const NUMBERS: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let index = usize::from(opcode - OP_1);
    Element::Slice(&NUMBERS[index..=index])
}

/// Whether this is the shortest way to push `data`. Source: BIP62 rule 3, Core's `CheckMinimalPush`.
fn is_minimal_push(opcode: u8, data: &[u8]) -> bool {
    match data {
        [] => opcode == OP_0,
        [1..=16 | 0x81] => false,
        _ => match data.len() {
            len @ ..=75 => usize::from(opcode) == len,
            76..=255 => opcode == OP_PUSHDATA1,
            256..=65_535 => opcode == OP_PUSHDATA2,
            _ => true,
        },
    }
}

/// The opcodes switched off after CVE-2010-5137: not even a branch not taken may hold them.
fn is_disabled(opcode: u8) -> bool {
    matches!(
        opcode,
        OP_CAT..=OP_RIGHT | OP_INVERT..=OP_XOR | OP_2MUL | OP_2DIV | OP_MUL..=OP_RSHIFT
    )
}
