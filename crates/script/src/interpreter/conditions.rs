//! Open branches.

use crate::error::ScriptError;

/// The open `OP_IF` branches, of which only the count and the outermost one not taken matter. Nesting as deep as
/// a script is long therefore costs nothing. Source: Core's `ConditionStack`.
#[derive(Default)]
pub(super) struct Conditions {
    depth: usize,
    first_false: Option<usize>,
}

impl Conditions {
    /// Whether every open branch is taken.
    pub(super) fn all_true(&self) -> bool {
        self.first_false.is_none()
    }

    /// Whether no branch is open.
    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Opens a branch.
    pub(super) fn open(&mut self, taken: bool) {
        if !taken && self.first_false.is_none() {
            self.first_false = Some(self.depth);
        }
        self.depth += 1;
    }

    /// Switches the innermost branch to its other side.
    pub(super) fn switch(&mut self) -> Result<(), ScriptError> {
        let top = self.depth.checked_sub(1).ok_or(ScriptError::UnbalancedConditional)?;
        match self.first_false {
            None => self.first_false = Some(top),
            Some(first) if first == top => self.first_false = None,
            Some(_) => {}
        }
        Ok(())
    }

    /// Closes the innermost branch.
    pub(super) fn close(&mut self) -> Result<(), ScriptError> {
        self.depth = self.depth.checked_sub(1).ok_or(ScriptError::UnbalancedConditional)?;
        if self.first_false == Some(self.depth) {
            self.first_false = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_stack_of_booleans(steps in proptest::collection::vec(0u8..4, 0..60)) {
            let (mut conditions, mut model) = (Conditions::default(), Vec::<bool>::new());
            for step in steps {
                match step {
                    0 | 1 => {
                        conditions.open(step == 1);
                        model.push(step == 1);
                    }
                    2 => {
                        let expected = model.last_mut().map(|top| *top = !*top);
                        prop_assert_eq!(conditions.switch().ok(), expected);
                    }
                    _ => prop_assert_eq!(conditions.close().ok(), model.pop().map(|_| ())),
                }
                prop_assert_eq!(conditions.all_true(), model.iter().all(|taken| *taken));
                prop_assert_eq!(conditions.is_empty(), model.is_empty());
            }
        }
    }
}
