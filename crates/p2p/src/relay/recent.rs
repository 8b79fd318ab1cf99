//! The last so many values.

use std::collections::{BTreeSet, VecDeque};

/// The last so many values, each once: the oldest makes room for the newest.
#[derive(Clone, Debug)]
pub(crate) struct Recent<T> {
    limit: usize,
    order: VecDeque<T>,
    set: BTreeSet<T>,
}

impl<T: Copy + Ord> Recent<T> {
    /// An empty set that holds at most `limit` values.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), set: BTreeSet::new() }
    }

    /// Takes a value in; whether it was not there.
    pub(crate) fn insert(&mut self, value: T) -> bool {
        if !self.set.insert(value) {
            return false;
        }
        if self.order.len() >= self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        self.order.push_back(value);
        true
    }

    /// Whether the value is there.
    pub(crate) fn contains(&self, value: &T) -> bool {
        self.set.contains(value)
    }

    /// Takes a value out; whether it was there.
    pub(crate) fn remove(&mut self, value: &T) -> bool {
        let there = self.set.remove(value);
        if there {
            self.order.retain(|other| other != value);
        }
        there
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.order.clear();
        self.set.clear();
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_past_the_limit() {
        let mut recent = Recent::new(3);
        assert!(recent.insert(1) && recent.insert(2) && recent.insert(3));
        assert!(!recent.insert(1));
        assert!(recent.contains(&1), "three fit");
        assert!(recent.insert(4));
        assert!(!recent.contains(&1) && recent.contains(&2) && recent.contains(&4));
        assert!(recent.remove(&3) && !recent.remove(&3));
        assert_eq!(recent.len(), 2);
        recent.clear();
        assert_eq!(recent.len(), 0);
    }
}
