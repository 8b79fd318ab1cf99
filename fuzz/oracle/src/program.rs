//! A script under construction, with what will satisfy it.

use cairn_primitives::op::OP_CODESEPARATOR;
use cairn_primitives::{Script, ScriptBuilder};

/// The rules a script will run under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Legacy,
    WitnessV0,
    Tapscript,
}

/// One stack item that a script wants.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Bytes(Vec<u8>),
    Signature(Wanted),
}

/// A signature to be made once the transaction is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) key: usize,
    /// Where the code it commits to begins.
    pub(crate) code_start: usize,
    /// Number of the last code separator's instruction (tapscript).
    pub(crate) separator: u32,
}

/// A script and the items that satisfy it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) dialect: Dialect,
    pub(crate) script: Vec<u8>,
    /// What each part of the script wants, in the order the parts run; each from the bottom of the stack.
    groups: Vec<Vec<Item>>,
    instructions: u32,
    code_start: usize,
    separator: u32,
}

impl Program {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            script: Vec::new(),
            groups: Vec::new(),
            instructions: 0,
            code_start: 0,
            separator: u32::MAX,
        }
    }

    pub(crate) fn op(&mut self, opcode: u8) -> &mut Self {
        self.script.push(opcode);
        self.instructions += 1;
        self
    }

    pub(crate) fn push(&mut self, data: &[u8]) -> &mut Self {
        self.append(ScriptBuilder::new().push_slice(data).into_script())
    }

    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        self.append(ScriptBuilder::new().push_int(number).into_script())
    }

    /// A code separator on the path that runs.
    pub(crate) fn separate(&mut self) {
        self.separator = self.instructions;
        self.op(OP_CODESEPARATOR);
        self.code_start = self.script.len();
    }

    /// The next part takes these items, the last of them from the top of the stack.
    pub(crate) fn want(&mut self, items: Vec<Item>) {
        self.groups.push(items);
    }

    /// A signature of `key` as it is checked at this point of the script.
    pub(crate) fn signature(&self, key: usize) -> Item {
        Item::Signature(Wanted { key, code_start: self.code_start, separator: self.separator })
    }

    /// Writes a branch that does not run.
    pub(crate) fn dead(&mut self, write: impl FnOnce(&mut Self)) {
        let (groups, code_start, separator) = (self.groups.len(), self.code_start, self.separator);
        write(self);
        self.groups.truncate(groups);
        (self.code_start, self.separator) = (code_start, separator);
    }

    /// What the whole script wants, from the bottom of the stack.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.groups.iter().rev().flatten()
    }

    fn append(&mut self, script: Script) -> &mut Self {
        self.script.extend_from_slice(script.as_bytes());
        self.instructions += 1;
        self
    }
}
