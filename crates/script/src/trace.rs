//! A record of what ran, for people who ask why a spend is refused.

use cairn_primitives::{Instructions, Script};

use crate::stack::Stack;

/// Which of the scripts of a spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The script in the input.
    Input,
    /// The script in the output spent.
    Output,
    /// The script behind P2SH.
    Redeem,
    /// The script behind a version 0 witness program; for P2WPKH the one its key hash stands for.
    WitnessV0,
    /// The leaf of a taproot output.
    Tapscript,
}

/// What a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An instruction that is about to run, as a disassembly shows it.
    Run(String),
    /// An instruction in a branch not taken.
    Skip(String),
    /// The script has come to its end.
    End,
}

/// The state before an instruction, or at the end of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The script that runs.
    pub program: Program,
    /// Offset of the instruction in the script, in bytes.
    pub position: usize,
    /// What happens next.
    pub action: Action,
    /// Number of items on the stack.
    pub depth: usize,
    /// The items on top of the stack, the top last: at most [`Trace::MAX_ITEMS`], none once [`Trace::MAX_BYTES`] are
    /// recorded.
    pub top: Vec<Vec<u8>>,
}

/// What ran, in order. Where the spend is refused inside a script, the last step is the one that was refused.
///
/// A spend by a taproot key alone runs no script but the (empty) one of the input and the output itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    steps: Vec<Step>,
    omitted: usize,
    bytes: usize,
}

impl Trace {
    /// Most steps recorded; behind them only the latest is kept.
    pub const MAX_STEPS: usize = 4_096;

    /// Most items of the stack recorded in a step.
    pub const MAX_ITEMS: usize = 16;

    /// Most bytes of items recorded in all steps together: 4 MiB.
    pub const MAX_BYTES: usize = 4 << 20;

    /// The steps recorded.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Steps left out before the last, for there were more than [`MAX_STEPS`](Self::MAX_STEPS).
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Notes what is about to happen at `position` of `script`.
    pub(crate) fn record(
        &mut self,
        program: Program,
        script: &[u8],
        position: usize,
        executing: bool,
        stack: &Stack<'_>,
    ) {
        if self.steps.len() == Self::MAX_STEPS
            && let Some(latest) = self.steps.pop()
        {
            self.bytes -= latest.top.iter().map(Vec::len).sum::<usize>();
            self.omitted += 1;
        }
        let items = stack.items();
        let shown = &items[items.len().saturating_sub(Self::MAX_ITEMS)..];
        let bytes = shown.iter().map(|item| item.as_bytes().len()).sum::<usize>();
        let fits = self.bytes + bytes <= Self::MAX_BYTES;
        let top = if fits { shown.iter().map(|item| item.as_bytes().to_vec()).collect() } else { Vec::new() };
        self.bytes += if fits { bytes } else { 0 };
        let action = match disassemble(&script[position..]) {
            None => Action::End,
            Some(text) if executing => Action::Run(text),
            Some(text) => Action::Skip(text),
        };
        self.steps.push(Step { program, position, action, depth: items.len(), top });
    }
}

/// The first instruction, `[error]` where it is cut off; `None` at the end.
fn disassemble(script: &[u8]) -> Option<String> {
    let mut instructions = Instructions::new(script);
    let instruction = match instructions.next()? {
        Ok(_) => &script[..instructions.position()],
        Err(_) => script,
    };
    Some(Script::from_bytes(instruction.to_vec()).to_asm())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Element;
    use cairn_primitives::op::{OP_NOP, OP_PUSHDATA1};

    fn record(trace: &mut Trace, script: &[u8], position: usize, stack: &Stack<'_>) {
        trace.record(Program::Input, script, position, true, stack);
    }

    #[test]
    fn past_the_limit_only_the_latest_step_is_kept() {
        let mut trace = Trace::default();
        let script = vec![OP_NOP; Trace::MAX_STEPS + 2];
        for position in 0..Trace::MAX_STEPS {
            record(&mut trace, &script, position, &Stack::default());
        }
        assert_eq!((trace.steps().len(), trace.omitted()), (Trace::MAX_STEPS, 0));
        for position in Trace::MAX_STEPS..script.len() {
            record(&mut trace, &script, position, &Stack::default());
        }
        assert_eq!((trace.steps().len(), trace.omitted()), (Trace::MAX_STEPS, 2));
        assert_eq!(trace.steps().last().unwrap().position, script.len() - 1);
    }

    #[test]
    fn items_are_recorded_up_to_the_limits() {
        let item = [7; 512];
        let mut stack = Stack::default();
        (0..=Trace::MAX_ITEMS).for_each(|_| stack.push(Element::Slice(&item)));
        let mut trace = Trace::default();
        let until_full = Trace::MAX_BYTES / (Trace::MAX_ITEMS * item.len());
        for _ in 0..=until_full {
            record(&mut trace, &[], 0, &stack);
        }
        let shown: Vec<_> = trace.steps().iter().map(|step| step.top.len()).collect();
        assert_eq!(shown[until_full - 1..], [Trace::MAX_ITEMS, 0]);
        assert!(trace.steps().iter().all(|step| step.depth == Trace::MAX_ITEMS + 1));
    }

    #[test]
    fn instructions_are_shown_as_disassembled() {
        let mut trace = Trace::default();
        let script = [OP_NOP, OP_PUSHDATA1];
        (0..=2).for_each(|position| record(&mut trace, &script, position, &Stack::default()));
        let actions: Vec<_> = trace.steps().iter().map(|step| step.action.clone()).collect();
        assert_eq!(actions, [Action::Run("OP_NOP".into()), Action::Run("[error]".into()), Action::End]);
    }
}
