//! The stack and what lies on it.

use crate::error::ScriptError;

/// Most items on the main and the alternative stack together. Source: Core's `MAX_STACK_SIZE`.
pub(crate) const MAX_STACK_SIZE: usize = 1_000;

/// Most bytes in an item. Source: Core's `MAX_SCRIPT_ELEMENT_SIZE`.
pub(crate) const MAX_ELEMENT_SIZE: usize = 520;

/// An item on the stack.
///
/// No operation makes an item longer than a 32-byte hash, so everything longer is a piece of a script or of a
/// witness and is borrowed: nothing is allocated for an item.
#[derive(Clone, Copy)]
pub(crate) enum Element<'s> {
    /// A piece of a script or a witness.
    Slice(&'s [u8]),
    /// A number or hash.
    Inline {
        /// How many of the bytes count, at most 32.
        len: u8,
        /// The bytes, the rest zero.
        bytes: [u8; 32],
    },
}

impl<'s> Element<'s> {
    /// The first `len` of `bytes`.
    pub(crate) fn inline(bytes: [u8; 32], len: usize) -> Self {
        Self::Inline { len: u8::try_from(len).expect("at most 32"), bytes }
    }

    /// A 20-byte hash.
    pub(crate) fn hash20(hash: [u8; 20]) -> Self {
        let mut bytes = [0; 32];
        bytes[..20].copy_from_slice(&hash);
        Self::Inline { len: 20, bytes }
    }

    /// A 32-byte hash.
    pub(crate) fn hash32(bytes: [u8; 32]) -> Self {
        Self::Inline { len: 32, bytes }
    }

    /// `01` or nothing.
    pub(crate) fn bool(value: bool) -> Self {
        Self::Slice(if value { &[1] } else { &[] })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// False is zero in any length, also negative zero. Source: Core's `CastToBool`.
    pub(crate) fn is_true(&self) -> bool {
        match self.as_bytes().split_last() {
            Some((last, low)) => low.iter().any(|byte| *byte != 0) || last & 0x7f != 0,
            None => false,
        }
    }
}

/// A stack of items. What needs more items than there are fails with `InvalidStackOperation`.
#[derive(Clone, Default)]
pub(crate) struct Stack<'s> {
    items: Vec<Element<'s>>,
}

impl<'s> Stack<'s> {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// From the bottom to the top.
    pub(crate) fn items(&self) -> &[Element<'s>] {
        &self.items
    }

    pub(crate) fn push(&mut self, element: Element<'s>) {
        self.items.push(element);
    }

    /// Fails unless there are `count` items.
    pub(crate) fn need(&self, count: usize) -> Result<(), ScriptError> {
        if self.items.len() < count { Err(ScriptError::InvalidStackOperation) } else { Ok(()) }
    }

    /// The item `depth` below the top; 0 is the top.
    pub(crate) fn peek(&self, depth: usize) -> Result<Element<'s>, ScriptError> {
        Ok(self.items[self.index(depth)?])
    }

    pub(crate) fn pop(&mut self) -> Result<Element<'s>, ScriptError> {
        self.items.pop().ok_or(ScriptError::InvalidStackOperation)
    }

    /// Drops the top `count` items.
    pub(crate) fn drop_top(&mut self, count: usize) -> Result<(), ScriptError> {
        self.need(count)?;
        self.items.truncate(self.items.len() - count);
        Ok(())
    }

    /// Takes out the item `depth` below the top.
    pub(crate) fn remove(&mut self, depth: usize) -> Result<Element<'s>, ScriptError> {
        let index = self.index(depth)?;
        Ok(self.items.remove(index))
    }

    /// Puts an item `depth` below the top, so that `depth` items lie above it.
    pub(crate) fn insert(&mut self, depth: usize, element: Element<'s>) -> Result<(), ScriptError> {
        self.need(depth)?;
        self.items.insert(self.items.len() - depth, element);
        Ok(())
    }

    /// Exchanges two items, given by their depths.
    pub(crate) fn swap(&mut self, a: usize, b: usize) -> Result<(), ScriptError> {
        let (a, b) = (self.index(a)?, self.index(b)?);
        self.items.swap(a, b);
        Ok(())
    }

    /// Pushes copies of the `count` items that begin `depth` below the top, in their order.
    pub(crate) fn copy_up(&mut self, depth: usize, count: usize) -> Result<(), ScriptError> {
        let start = self.index(depth)?;
        self.items.extend_from_within(start..start + count);
        Ok(())
    }

    fn index(&self, depth: usize) -> Result<usize, ScriptError> {
        self.items.len().checked_sub(depth + 1).ok_or(ScriptError::InvalidStackOperation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falsehood_is_zero_in_any_length() {
        let falses: [&[u8]; 5] = [&[], &[0], &[0x80], &[0, 0, 0], &[0, 0, 0x80]];
        assert!(falses.iter().all(|bytes| !Element::Slice(bytes).is_true()));
        let trues: [&[u8]; 4] = [&[1], &[0x81], &[0x80, 0], &[0, 1]];
        assert!(trues.iter().all(|bytes| Element::Slice(bytes).is_true()));
    }

    #[test]
    fn too_few_items_is_an_error_everywhere() {
        let mut stack = Stack::default();
        stack.push(Element::bool(true));
        let error = ScriptError::InvalidStackOperation;
        assert!(stack.need(1).is_ok() && stack.peek(0).is_ok());
        assert_eq!(stack.need(2), Err(error));
        assert_eq!(stack.peek(1).err(), Some(error));
        assert_eq!(stack.remove(1).err(), Some(error));
        assert_eq!(stack.swap(0, 1), Err(error));
        assert_eq!(stack.copy_up(1, 1), Err(error));
        assert_eq!(stack.insert(2, Element::Slice(&[])), Err(error));
        assert_eq!(stack.drop_top(2), Err(error));
        assert!(stack.pop().is_ok());
        assert_eq!(stack.pop().err(), Some(error));
    }
}
